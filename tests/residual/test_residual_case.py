"""A case from bag to workspace: one log's definitions name what lies in the free space of another's."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from residual_made import TIME, logon, thing
from template_writer import filled, log

from forensics import collect, open_source, process
from forensics.events.partitions import Partition, lines
from forensics.events.rows import event_of
from forensics.model.event import Problem


def test_from_bag_to_events(tmp_path: Path) -> None:
    gone, knows = log(filled([logon(1), thing(2)], TIME).chunk(live=0)), log(filled([logon(8), thing(9)], TIME).chunk())
    host = tmp_path / "host"
    host.mkdir()
    (host / "a.evtx").write_bytes(gone)
    (host / "b.evtx").write_bytes(knows)
    with open_source(host) as source:
        bag = collect(source, tmp_path / "bag", profile="full")
    work = process([bag], tmp_path / "work")
    residual = {one.content: one for one in work.space.current() if one.plugin == "windows.evtx-residual"}
    receipt = residual[hashlib.sha256(gone).hexdigest()]
    assert (receipt.status, receipt.counts["recovered"], receipt.counts["told_residual-A1"]) == ("ok", 2, 2)
    assert residual[hashlib.sha256(knows).hexdigest()].status == "empty"
    path = work.space.rows_of(receipt)
    assert path is not None
    found = []
    for line in lines(Partition(path, receipt.plugin)):
        assert not isinstance(line, Problem)
        found.append(event_of(json.loads(line)))
    assert [one.attrs["class"] for one in found] == ["A1", "A1"] and found[0].action == "logon"
    assert {cite["content"] for one in found for cite in one.attrs["templates"]} == {hashlib.sha256(knows).hexdigest()}
