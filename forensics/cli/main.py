"""The command ``sealbag``: one table, one command loaded, errors in three lines.

``sealbag --help`` answers from the table alone: neither click nor an entry point
is loaded for it.
"""

from __future__ import annotations

import sys

from forensics.version import __version__

#: name -> (module:attribute, what it does); a test compares it with the entry points
COMMANDS: dict[str, tuple[str, str]] = {
    "triage": ("forensics.cli.triage:command", "collect, seal, verify and sum up: the main job"),
    "collect": ("forensics.cli.collect:command", "collect from sources into a sealed bag"),
    "process": ("forensics.cli.process:process_command", "parse and scan bags into a workspace"),
    "scan": ("forensics.cli.process:scan_command", "YARA and Sigma rules over bags or event logs"),
    "report": ("forensics.cli.process:report_command", "one offline HTML file of a workspace"),
    "verify": ("forensics.cli.verify:command", "say whether a bag is what was sealed"),
    "custody": ("forensics.cli.custody:command", "who had a bag, when, why: its chain of custody"),
    "handover": ("forensics.cli.handover:command", "offer a bag, accept or refuse it, signed"),
    "statement": ("forensics.cli.statement:command", "notes, holds, revocations... after the seal"),
    "stamp": ("forensics.cli.stamp:command", "a time token over a seal (RFC 3161)"),
    "merge": ("forensics.cli.merge:command", "put the statements of copies together"),
    "ls": ("forensics.cli.ls:command", "list a bag's artefacts and their outcomes"),
    "show": ("forensics.cli.show:command", "show one artefact, or write its content out"),
    "export": ("forensics.cli.export:command", "write a bag's contents as a tree of files"),
    "image": ("forensics.cli.image:command", "image a file or block device into a sealed bag"),
    "events": ("forensics.cli.events:command", "events and tables: sessions, coverage, SQL..."),
    "disclose": ("forensics.cli.disclose:command", "a part of a bag, proved to belong to the whole"),
    "cite": ("forensics.cli.cite:command", "one line or event with its proof, in one file"),
    "seal": ("forensics.cli.seal:command", "seal a workspace's results as a bag of their own"),
    "pack": ("forensics.cli.pack:command", "a bag as one encrypted stream, to a file or away"),
    "unpack": ("forensics.cli.unpack:command", "a stream back into a bag, and its verdict"),
    "key": ("forensics.cli.key:command", "make signing keys and age identities"),
    "ticket": ("forensics.cli.ticket:command", "job tickets: no examiner's key on the host"),
    "catalogue": ("forensics.cli.catalogue:command", "rebuild the SQLite view of bags"),
    "targets": ("collectors.commands.targets:command", "list, show and test what is looked for"),
    "witness": ("forensics.cli.witness:command", "cosign checkpoints of other hosts; check them"),
    "info": ("forensics.cli.info:command", "versions, plug-ins, and what works here"),
}

_HEAD = """\
Usage: sealbag COMMAND [OPTIONS]

Forensic evidence collection and triage: sealed evidence bags that a stranger
can verify offline.

Commands:
"""
_TAIL = """
sealbag COMMAND --help tells its options; sealbag info lists commands of other
plug-ins. Exit codes: 0 done, 10 sealed with gaps, 11 nothing taken, 64 usage,
65 bad input, 66 no such source, 69 unavailable, 70 defect, 73 output refused,
74 I/O or disk full, 77 permission, 78 configuration, 130 interrupted; verify:
0 VALID, 1 INVALID, 2 INCOMPLETE, 3 UNTRUSTED, 4 UNSAFE, 5 IO ERROR.
"""


def help_text() -> str:
    """The text of ``sealbag --help``."""
    rows = "".join(f"  {name:<10} {does}\n" for name, (_, does) in COMMANDS.items())
    return _HEAD + rows + _TAIL


def main(argv: list[str] | None = None) -> int:
    """Run one command; return the exit code.

    :param argv: arguments without the program's name; those of the process when None.
    """
    args = sys.argv[1:] if argv is None else argv
    if args[:1] == ["--sealbag-child"]:
        # a frozen triage agent is its own child interpreter
        from forensics.worker.child import main as child

        return child()
    if not args or args[0] in ("-h", "--help", "help"):
        print(help_text(), end="")
        return 0 if args else 64
    if args[0] in ("-V", "--version"):
        print(f"sealbag {__version__}")
        return 0
    from forensics.cli.run import run

    return run(args)


if __name__ == "__main__":
    sys.exit(main())
