"""Judgements in the child: what could not be written is a loss, whatever else was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from forensics.model.event import Event, Opened
from forensics.tasks.arbitrate_content import PER_LOCATOR, arbitrate


class Judge:
    """Agrees with every record; of one at ``o9`` it says more than a row may hold."""

    id, version, inputs = "made.judge", "1", ()

    def arbitrate(self, opened: Opened, locators: Sequence[str]) -> Iterator[Event]:
        for locator in locators:
            if locator == "round":
                while True:
                    yield opened.event(locator, attrs={"verdict": "agree"})
            yield opened.event(locator, attrs={"verdict": "agree", "x": "y" * (3 << 20) if locator == "o9" else ""})


@pytest.mark.parametrize(
    ("locators", "status", "agree", "problems"),
    [
        (["o0", "o1"], "ok", 2, 0),
        (["o0", "o9"], "partial", 1, 1),
        (["o9"], "failed", 0, 1),
        ([], "empty", 0, 0),
        (["round"], "partial", PER_LOCATOR, 0),
    ],
)
def test_what_became_of_the_judgements(
    tmp_path: Path, locators: list[str], status: str, agree: int, problems: int
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x")
    item: dict[str, Any] = {
        "path": str(path), "size": 1, "sha256": "0" * 64, "inputs": {}, "plugin": f"{__name__}:Judge",
        "out": str(tmp_path / "rows"), "locators": locators, "as": "made.judge-alerts",
    }  # fmt: skip
    told = arbitrate(item, {})
    counts = told["counts"]
    assert (told["status"], counts.get("verdict-agree", 0), counts.get("problems", 0)) == (status, agree, problems)
    assert told["rows"] == agree and (told["code"] == "endless") == (locators == ["round"])
