"""From free space to a finding: rules of our own pack read recovered records whose templates are certain, no others."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from provider_file import manifest, provider_file
from residual_made import TIME, over
from template_writer import Call, Template, call, event_data, filled, log, outer, text, user_data

sys.path.insert(0, str(Path(__file__).parents[1] / "triage"))
from triage_kit import findings

from forensics import collect, open_source, process
from forensics.cli.events import command
from forensics.processing.settings import Settings

RULES = Path(__file__).parents[2] / "rules" / "sigma"
PSEXEC, LOG_CLEARED = "5a3c1fbd-f9da-4bf3-a816-96a68afe2312", "f3c95789-ace1-4954-ac5d-6baed2eac902"
SYSTEM = outer(b"SCMO" + bytes(range(12)), "Service Control Manager", "System", "PC01")
SECURITY = outer(b"EVLO" + bytes(range(12)), "Microsoft-Windows-Eventlog", "Security", "PC01")
SERVICE = event_data(b"SCMI" + bytes(range(12)), "ServiceName", "ImagePath", "ServiceType", "StartType", "AccountName")
CLEARED = user_data(b"EVLI" + bytes(range(12)), "SubjectUserName", "SubjectDomainName")
QUIET = event_data(b"QUIE" + bytes(range(12)), "param1", "param2")


def service(record: int, name: str) -> tuple[int, Call]:
    path = rf"C:\Windows\{name}.exe"
    values = (text(name), text(path), text("user mode service"), text("demand start"), text("LocalSystem"))
    return record, call(SYSTEM, 7045, record, TIME + 10 * record, Call(SERVICE, values))


def cleared(record: int, user: str) -> tuple[int, Call]:
    return record, call(SECURITY, 1102, record, TIME + 10 * record, Call(CLEARED, (text(user), text("CORP"))))


def quiet(record: int, provider: Template) -> tuple[int, Call]:
    return record, call(provider, 7036, record, TIME + 10 * record, Call(QUIET, (text("a"), text("b"))))


def _known() -> bytes:
    """The inner definitions live in records that no rule is about; two records of interest in free space."""
    harmless = Call(CLEARED, (text("a"), text("b")))
    rows = [
        service(1, "Fax"),
        (2, call(SECURITY, 1101, 2, TIME + 20, harmless)),
        service(3, "PSEXESVC"),
        cleared(4, "eve"),
    ]
    return log(filled(rows, TIME).chunk(live=2))


def _lost() -> bytes:
    """The same two records; what names their fields is overwritten."""
    rows = [service(1, "Fax"), cleared(2, "b"), service(3, "PSEXESVC"), cleared(4, "eve")]
    return over(filled(rows, TIME), 2)


OUTER_ONLY = log(filled([quiet(1, SYSTEM), quiet(2, SECURITY)], TIME).chunk())
PROVIDER = provider_file(manifest(bytes(range(16)), [SERVICE, CLEARED], [(7045, 0), (1102, 1)]))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compiled")


@pytest.mark.parametrize(
    ("contents", "kind"),
    [
        ({"a.evtx": _known()}, "A1"),
        ({"a.evtx": _lost(), "b.evtx": OUTER_ONLY}, "C"),
        ({"a.evtx": _lost(), "b.evtx": OUTER_ONLY, "provider.dll": PROVIDER}, "A1"),
    ],
    ids=["certain", "unnamed", "named-by-a-file"],
)
def test_what_rules_read(tmp_path: Path, cache: Path, contents: dict[str, bytes], kind: str) -> None:
    host = tmp_path / "host"
    host.mkdir()
    for name, data in contents.items():
        (host / name).write_bytes(data)
    with open_source(host) as source:
        bag = collect(source, tmp_path / "bag", profile="full")
    parsers = ("windows.evtx", "windows.evtx-residual", "windows.wevt")
    settings = Settings(parsers=parsers, scanners=("sigma",), sigma=(str(RULES),), verify="none", cache=cache)
    process([bag], tmp_path / "work", settings=settings)
    found = [row for row in findings(tmp_path / "work") if row["by"] == "sigma"]
    of = {row["rule"]: row for row in found if row["rule"] in (PSEXEC, LOG_CLEARED)}
    if kind == "C":
        assert not of, "the log was cleared, by its provider and number; what class C says is for the timeline"
    else:
        assert set(of) == {PSEXEC, LOG_CLEARED}
        for row in of.values():
            assert (row["attrs"]["state"], row["attrs"]["class"]) == ("recovered", kind)
        assert "PSEXESVC" in str(of[PSEXEC]["attrs"]["fields"]) and of[LOG_CLEARED]["level"] == "alert"
    listed = CliRunner().invoke(command, ["list", str(tmp_path / "work"), "--where", "state=recovered"])
    assert listed.output.count(f"[recovered, class {kind}; bytes not covered by a checksum]") == 2
