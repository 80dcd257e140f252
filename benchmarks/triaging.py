"""Triage against acquire: a Linux root, an NTFS volume, memory of a whole triage; UAC where there is a copy."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import inputs, peers
from benchmarks.imaging import memory, versions
from benchmarks.measure import BIN, ROOT, Figure, Result, Side, call, clean, figure, fresh, interleave, say
from benchmarks.memory import peak

ROUNDS = 5
ACQUIRE = "acquire==3.22"
PSS_TRIAGE, UAC_CPU = 250, 5.0
KNOWN, OTHERS = 300, 8_000
#: what acquire's modules Etc, Boot, Home, SSH and Var ask for, as a profile of ours (acquire/acquire.py of 3.22)
SCOPE = """\
name = "acquire-scope"
paths = [
    "etc/**", "usr/local/etc/**", "boot/{config,efi,grub,init,system,pve}*",
    "{root,home/*}/{.*[akz]sh*,.*history,.*rc,.*_logout,.wget-hsts,.gitconfig,.selected_editor,.viminfo}",
    "{root,home/*}/{.lesshist,.profile,.config/**,.ssh/*}",
    "var/log/**", "var/spool/{at,cron,anacron}/**", "var/lib/dpkg/status", "var/lib/rpm/**", "var/{db,audit,cron}/**",
]
"""


def sealbag(source: Path | str, profile: Path | str, out: Path | None = None, command: str = "collect") -> list[str]:
    """Our command."""
    where = str(out or fresh("bag"))
    more = () if command == "collect" else ("--no-scan",)
    source_words = () if source == "live:" else ("--source", str(source))
    return [
        str(BIN / "sealbag"), command, "--profile", str(profile), *source_words, *more, "--out", where, "--quiet",
    ]  # fmt: skip


def acquire(program: Path, source: Path, out: Path | None = None) -> list[str]:
    """acquire's command with its default profile, files alone, no compression, no report."""
    out = out or fresh("acquire")
    out.mkdir()
    return [
        str(program), "-p", "default", "--volatile-profile", "none", "--no-compress", "--disable-report", "-ot", "tar",
        "-o", str(out), "-l", str(out.with_suffix(".log")), str(source),
    ]  # fmt: skip


def _ours(bag: Path) -> int:
    """Files whose content a bag holds."""
    found = 0
    with (bag / "custody" / "ledger.jsonl").open("rb") as ledger:
        for raw in ledger:
            line = json.loads(raw)
            line = line.get("line", line)
            found += line.get("kind") == "artefact" and "sha256" in line and line.get("type", "file") == "file"
    return found


def _theirs(folder: Path) -> int:
    """Files that acquire's tar holds."""
    found = 0
    for path in folder.glob("*.tar"):
        with tarfile.open(path) as file:
            found += sum(1 for member in file if member.isfile())
    return found


def _taken(program: Path, source: Path, profiles: dict[str, Path | str]) -> list[str]:
    """One run of each, and how many files it took."""
    rows = []
    for name, profile in profiles.items():
        bag = fresh("bag")
        call(*sealbag(source, profile, bag), ok=(0, 10))
        rows.append(f"- `{name}`: {_ours(bag):,} files")
    out = fresh("acquire")
    call(*acquire(program, source, out), ok=(0,))
    return [*rows, f"- `acquire -p default`: {_theirs(out):,} files"]


def _run(command: Callable[[], list[str]]) -> Callable[[], None]:
    def run() -> None:
        call(*command(), ok=(0, 10))

    return run


def run_linux() -> Result | None:
    """A Linux root as a folder: the same files as acquire's default profile, and each one's own."""
    program = peers.pypi(ACQUIRE, "acquire")
    if program is None:
        return None
    root = inputs.linux_root()
    scope = inputs.DATA / "acquire-scope.toml"
    scope.write_text(SCOPE, "utf-8")
    same, own, peer = "sealbag collect, acquire's scope", "sealbag collect --profile triage", "acquire -p default"
    profiles: dict[str, Path | str] = {same: scope, own: "triage"}
    count = sum(len(names) for _, _, names in os.walk(root))
    text = [
        f"A folder with the system files of a Debian server and ten users, {count:,} names. Ours is the whole command, "
        "as above: listing of every name, digests, ledger, seal, verification; acquire writes one tar. The first "
        "figure compares like with like: acquire's default profile for Linux written as a profile of ours.",
        "Taken in one run:\n\n" + "\n".join(_taken(program, root, profiles)),
    ]
    sides = [
        Side(same, _run(lambda: sealbag(root, scope))),
        Side(own, _run(lambda: sealbag(root, "triage"))),
        Side(peer, _run(lambda: acquire(program, root))),
    ]
    seconds = interleave(sides, ROUNDS)
    figures = [
        figure("triage of a Linux root, the same files", seconds, same, peer, 2.0),
        figure("triage of a Linux root, each one's own default", seconds, own, peer),
        uac(root),
    ]
    clean()
    return Result("triage-linux", "Triage of a Linux root", figures, text, {"acquire": "3.22 (PyPI)"})


def _known() -> Iterator[str]:
    """Paths that ForensicArtifacts' Windows definitions ask for, by the tests' own tools."""
    sys.path.insert(0, str(ROOT / "tests" / "definitions"))
    from definition_tools import DATA, MODERN, fa_documents, fa_paths, fa_sample

    for document in fa_documents(DATA):
        for path in fa_paths(document, "Windows"):
            yield fa_sample(path, MODERN)


def run_ntfs() -> Result | None:
    """A Windows volume: each one's own triage profile."""
    if not peers.system("mkfs.ntfs", "ntfs-3g"):
        return None
    program = peers.pypi(ACQUIRE, "acquire")
    if program is None:
        return None
    image, known = inputs.ntfs_windows(_known(), OTHERS)
    if known < KNOWN:
        raise SystemExit(f"only {known} known paths")
    ours, peer = "sealbag collect --profile triage", "acquire -p default"
    text = [
        f"An NTFS image with files at {known} paths that definitions for Windows ask for, and {OTHERS:,} others. Each "
        "one's own default profile; ours ends sealed and verified.",
        "Taken in one run:\n\n" + "\n".join(_taken(program, image, {ours: "triage"})),
    ]
    sides = [
        Side(ours, _run(lambda: sealbag(image, "triage"))),
        Side(peer, _run(lambda: acquire(program, image))),
    ]
    seconds = interleave(sides, ROUNDS)
    figures = [figure("triage profile, NTFS", seconds, ours, peer, 1.7)]
    clean()
    return Result("triage-ntfs", "Triage of a Windows volume", figures, text, {"acquire": "3.22 (PyPI)", **versions()})


def uac(root: Path) -> Figure:
    """CPU of UAC's file rules on the same folder, where $UAC points to a copy of it."""
    copy = os.environ.get("UAC", "")
    if not copy:
        return Figure("UAC's file rules, CPU", "not run", f">= {UAC_CPU:g}x", note="$UAC points to no copy")
    out = fresh("uac")
    out.mkdir()
    theirs = _cpu([f"{copy}/uac", "-a", "files/*", "-m", str(root), str(out)], Path(copy))
    ours = _cpu(sealbag(root, "triage"))
    return Figure(
        "UAC's file rules, CPU",
        f"{theirs / ours:.2f}x",
        f">= {UAC_CPU:g}x",
        theirs / ours >= UAC_CPU,
        {"sealbag collect --profile triage": ours, "uac -a 'files/*'": theirs},
        {"sealbag collect --profile triage": (ours, ours), "uac -a 'files/*'": (theirs, theirs)},
    )


def _cpu(command: list[str], cwd: Path | None = None) -> float:
    """CPU seconds of a command and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=cwd, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def run_memory() -> Result | None:
    """A whole triage of this host, and of the folder: memory of the tree at its peak."""
    root = inputs.linux_root()
    figures = []
    for name, source in (("this host (live:)", "live:"), ("the Linux root above", str(root))):
        say(f"memory of a triage: {name}")
        found = peak(sealbag(source, "triage", command="triage"), ok=(0, 10))
        figures.append(memory(f"triage of {name}", found, PSS_TRIAGE))
    clean()
    text = ["`sealbag triage --no-scan`: collect, parse, seal, verify, ask, report; parent and children together."]
    return Result("triage-memory", "Memory of a triage", figures, text)
