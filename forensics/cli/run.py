"""Finding and running one command; every error leaves as three lines and its exit code."""

from __future__ import annotations

import importlib
import json
import os
import sys
from functools import partial
from itertools import pairwise
from typing import Any

import click

from forensics.cli.main import COMMANDS
from forensics.errors import (
    InternalDefect,
    Interrupted,
    PermissionRefused,
    SealbagError,
    StorageError,
    UsageError,
)


def _load(name: str) -> click.Command:
    if name in COMMANDS:
        module, _, attribute = COMMANDS[name][0].partition(":")
        found: Any = getattr(importlib.import_module(module), attribute)
    else:
        found = _plugin(name)
    if not isinstance(found, click.Command):
        raise UsageError(f"{name} is registered but is no command")
    return found


def _plugin(name: str) -> Any:
    """A command of another distribution: looked up only when it is not in the table."""
    from forensics import registry

    known = [plugin.id for plugin in registry.names("forensics.commands")]
    if name not in known:
        raise UsageError(
            f"no such command: {name}{registry.near(name, [*COMMANDS, *known])}", hint="See sealbag --help."
        )
    return registry.load("forensics.commands", name)


def _report(error: SealbagError, as_json: bool, *, streams: bool = False) -> int:
    """Print what, where and what to do; return the exit code.

    :param streams: standard output is the evidence's: nothing else goes there.
    """
    if as_json:
        row = {"schema": "sealbag/error/1", "code": error.code, "exit": error.exit}
        row |= {"what": error.what, "where": error.where, "hint": error.hint}
        print(json.dumps(row), file=sys.stderr if streams else sys.stdout)
    else:
        print(f"sealbag: {error.what}", file=sys.stderr)
        if error.where:
            print(f"  where: {_safe(error.where)}", file=sys.stderr)
        if error.hint:
            print(f"  do:    {error.hint}", file=sys.stderr)
    return error.exit


def _safe(text: str) -> str:
    """Names of evidence may hold terminal escapes."""
    from forensics.model.display import display

    return display(text.encode("utf-8", "surrogateescape")).replace("\\\\", "\\")


def _streams(args: list[str]) -> bool:
    """True if ``--out -`` was asked for."""
    return "--out=-" in args or any(pair == ("--out", "-") for pair in pairwise(args))


def run(args: list[str]) -> int:
    """Run ``args[0]`` with the rest; return the exit code."""
    as_json = "--json" in args
    report = partial(_report, streams=_streams(args))
    try:
        result = _load(args[0]).main(args[1:], prog_name=f"sealbag {args[0]}", standalone_mode=False)
        sys.stdout.flush()
    except SealbagError as error:
        return report(error, as_json)
    except click.exceptions.Exit as error:
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        # before a bag was begun, or after it was sealed: the work on a bag says so itself
        hint = "Run it again; with --resume if it had begun to write its output."
        return report(Interrupted("stopped", where=f"sealbag {args[0]}", hint=hint), as_json)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "sealbag"
        return report(UsageError(error.format_message(), hint=f"See {command} --help."), as_json)
    except BrokenPipeError:
        # the reader of our output went away (head, less): not an error of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    except PermissionError as error:
        return report(
            PermissionRefused(error.strerror or "permission denied", where=str(error.filename or "")), as_json
        )
    except OSError as error:
        return report(StorageError(error.strerror or str(error), where=str(error.filename or "")), as_json)
    except Exception as error:
        if os.environ.get("SEALBAG_DEBUG"):
            raise
        return report(InternalDefect(f"{type(error).__name__}: {error}", where=_place(error)), as_json)
    return result if isinstance(result, int) else 0


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"
