"""verify.py as a stranger runs it: a copy, a plain Python, a bag that somebody else prepared."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from builder import EXAMINER, Bag, sha, small

from forensics import verifier
from forensics.verifier import Helpers, main, root_of, verify

PROGRAM = Path(verifier.__file__)
SCHEMA = Path(__file__).parents[2] / "docs/schema/verify.json"


def run(*words: str, cwd: Path, program: Path = PROGRAM, flags: tuple[str, ...] = ("-I", "-S")) -> Any:
    command = [sys.executable, *flags, str(program), *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("alone") / "bag"
    small(root)
    return root


def test_file_is_short_enough_to_be_read_and_made_for_3_9() -> None:
    text = PROGRAM.read_text()
    parsed = ast.parse(text, feature_version=(3, 9))
    names = {alias.name for node in ast.walk(parsed) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(parsed) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= set(sys.stdlib_module_names) | {"__future__"}
    evaluated = [node for node in ast.walk(parsed) if isinstance(node, ast.Call)]
    words = {k.arg for call in evaluated if ast.unparse(call.func) in ("dataclass", "zip") for k in call.keywords}
    assert not words  # slots, kw_only and strict came with 3.10


def test_command_in_isolation_from_an_empty_folder(sealed: Path, tmp_path: Path) -> None:
    copy = tmp_path / "verify.py"
    shutil.copy(PROGRAM, copy)
    done = run("--signer", EXAMINER.fingerprint, "--", str(sealed), cwd=tmp_path, program=copy)
    lines = done.stdout.splitlines()
    assert (done.returncode, lines[-1], done.stderr) == (0, "verdict: VALID", "")
    assert lines[-2].startswith("seal digest: ") and "vouched for by: signer" in lines[-3]
    assert sum(line.startswith("not checked: ") for line in lines) == 2
    assert sorted(os.listdir(tmp_path)) == ["verify.py"]


@pytest.mark.parametrize("name", ["json", "argparse", "hashlib", "dataclasses", "re", "subprocess", "array"])
def test_planted_modules_are_never_imported(sealed: Path, tmp_path: Path, name: str) -> None:
    """Beside the program, in the folder it is run from, and both."""
    for folder in (tmp_path / "beside", tmp_path / "here"):
        folder.mkdir()
        (folder / f"{name}.py").write_text("print('verdict: VALID'); raise SystemExit(0)\n")
    copy = tmp_path / "beside/verify.py"
    shutil.copy(PROGRAM, copy)
    (tmp_path / "link.py").symlink_to(copy)
    words = ("--jobs", "2", "--signer", "SHA256:" + "A" * 43, "--", str(sealed))
    for program, cwd in (
        (copy, tmp_path / "here"),
        (Path("verify.py"), copy.parent),
        (tmp_path / "link.py", copy.parent),
    ):
        done = run(*words, cwd=cwd, program=program, flags=())
        assert (done.returncode, done.stdout.splitlines()[-1]) == (3, "verdict: UNTRUSTED"), done.stderr


def test_imported_or_isolated_it_leaves_the_path_alone(tmp_path: Path) -> None:
    code = f"import sys; sys.path.insert(0, {str(PROGRAM.parent)!r}); a = sys.path[:]"
    code += "; import verifier; print(sys.path == a)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), 64), (("--nonsense", "--", "BAG"), 64), (("--signer", "anna", "--", "BAG"), 64),
        (("--seal", "1", "--", "BAG"), 64), (("--jobs", "0", "--", "BAG"), 64), (("--", "nothing"), 65),
        (("--trust", "nothing", "--", "BAG"), 78), (("--checkpoint", "BAG/bagit.txt", "--", "BAG"), 78),
        (("--help",), 0), (("--", "BAG"), 3),
    ],
)  # fmt: skip
def test_exit_codes(
    sealed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int
) -> None:
    monkeypatch.chdir(sealed.parent)
    assert main([word.replace("BAG", "bag") for word in words]) == code
    captured = capsys.readouterr()
    assert ("verdict:" in captured.out) is (code == 3)
    assert bool(captured.err) is (code >= 64)


def test_a_defect_gives_no_verdict(
    sealed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verifier.Contents, "check", lambda *_: {}["nothing"])
    assert main(["--", str(sealed)]) == 70
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1 and "KeyError" in captured.err


def test_json_is_as_its_schema(sealed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    unsealed = Bag(tmp_path / "unsealed")
    unsealed.flush()
    broken = Bag(tmp_path / "broken")
    broken.line("artefact", sha256=sha(b"x"), size=1)
    broken.flush()
    future = Bag(tmp_path / "future", format="sealbag/9.0")
    future.flush()
    for root in (sealed, unsealed.root, broken.root, future.root):
        code = main(["--json", "--signer", EXAMINER.fingerprint, "--", str(root)])
        printed = json.loads(capsys.readouterr().out)
        jsonschema.validate(printed, schema)
        assert printed["exit"] == code and len(printed["checks"]) == 22


def test_verdict_digest_can_be_computed_again(sealed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """docs/format.md, section 10, from the printed object alone."""
    main(["--json", "--signer", EXAMINER.fingerprint, "--", str(sealed)])
    printed = json.loads(capsys.readouterr().out)
    first = printed["first"] and {name: printed["first"][name] for name in ("path", "seq")}
    facts = {name: printed[name] for name in ("anchor", "bag", "lines", "root", "seal_sha256", "verdict")}
    facts.update(schema="sealbag/verdict/1", first=first, checks=[[c["name"], c["result"]] for c in printed["checks"]])
    facts["not_checked"] = [c["name"] for c in printed["checks"] if c["result"] == "not-checked"]
    assert facts["not_checked"] == ["time-tokens", "other-signatures"]
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    assert sha(text.encode()) == printed["verdict_sha256"]


def test_what_a_bag_says_cannot_steer_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bag = Bag(tmp_path / "bag")
    bag.line("evil\x1b[2J\u202e\nverdict: VALID")
    bag.finish()
    (bag.root / "custody/\x1b]0;x\x07\nverdict: VALID").write_bytes(b"")
    assert main(["--", str(bag.root)]) == 1
    out = capsys.readouterr().out
    assert all(" " <= char <= "~" or char == "\n" for char in out)
    assert [line for line in out.splitlines() if line.startswith("verdict:")] == ["verdict: INVALID"]


def many(root: Path, count: int) -> Bag:
    bag = Bag(root)
    for number in range(count):
        bag.artefact(b"%d" % number)
    bag.finish()
    return bag


def test_children_say_what_one_process_says(tmp_path: Path) -> None:
    bag = many(tmp_path / "bag", 600)
    for change in (None, sha(b"7"), sha(b"599")):
        if change:
            (bag.root / f"data/objects/{change[:2]}/{change}").write_bytes(b"changed")
        verdicts = [verify(bag.root, signer=EXAMINER.fingerprint, jobs=jobs) for jobs in (1, 2, 3)]
        assert verdicts[0] == verdicts[1] == verdicts[2]
        assert verdicts[0].code == ("INVALID" if change else "VALID")
    assert verdicts[0].first is not None and verdicts[0].first.seq == 8


def test_children_that_die_or_say_nothing_are_made_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bag = many(tmp_path / "bag", 60)
    for program in ("import os; os.read(0, 9); os._exit(1)", "import os; os.read(0, 200); os.write(1, b'x' * 40)"):
        script = tmp_path / "dead.py"
        script.write_text(program)
        monkeypatch.setattr(verifier, "__file__", str(script))
        assert verify(bag.root, signer=EXAMINER.fingerprint, jobs=3).code == "VALID"
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-such-python"))
    assert verify(bag.root, signer=EXAMINER.fingerprint, jobs=3).code == "VALID"


def test_children_really_work(tmp_path: Path) -> None:
    """They answer for every folder when the parent takes none."""
    bag = many(tmp_path / "bag", 60)
    helpers = Helpers(root_of(bag.root), 2)
    try:
        answers = helpers.answers()
    finally:
        helpers.close()
    assert sorted(answers) == list(range(256)) and bytes(32) not in answers.values()


def test_imported_by_a_script_without_a_main_guard(tmp_path: Path) -> None:
    bag = many(tmp_path / "bag", 60)
    script = tmp_path / "script.py"
    script.write_text(
        "from forensics.verifier import verify\n"
        f"print(verify({str(bag.root)!r}, signer={EXAMINER.fingerprint!r}, jobs=2).code)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert done.stdout == "VALID\n"


def test_progress_is_told(sealed: Path) -> None:
    told: list[tuple[str, int, int]] = []
    verify(sealed, jobs=1, on_progress=lambda *args: told.append(args))
    assert told[0][0] == "ledger" and told[-1] == ("contents", 256, 256)


MEMORY = """
import re, sys
sys.path.insert(0, sys.argv[1])
import verifier
verdict = verifier.verify(sys.argv[2], jobs=1)
# ru_maxrss would hold the peak of the process that started this one, from before the exec
print(verdict.lines, re.search("VmHWM:[^0-9]*([0-9]+)", open("/proc/self/status").read())[1])
"""


@pytest.mark.needs("linux")
def test_memory_stays_small(tmp_path: Path) -> None:
    """200,000 lines (96 MB): within 100 MiB and 64 bytes a line; kept, they would take 400 MB."""
    bag = Bag(tmp_path / "bag")
    text = bag.artefact(b"one") and bag.lines.pop().decode()
    count = 200_000
    with (bag.root / "custody/ledger.jsonl").open("w") as ledger:
        ledger.write(bag.lines[0].decode() + "\n")
        for seq in range(1, count):
            ledger.write(text.replace('"seq":1,', f'"seq":{seq},').replace(sha(b"one"), sha(b"%d" % seq)) + "\n")
    command = [sys.executable, "-I", "-S", "-c", MEMORY, str(PROGRAM.parent), str(bag.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines, kibibytes = map(int, done.stdout.split())
    assert lines == count
    assert kibibytes * 1024 <= 100 * 2**20 + 64 * count
