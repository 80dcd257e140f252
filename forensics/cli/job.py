"""What collect and triage do alike: open, collect, verify the own bag, sum up."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Protocol, TypeVar

from forensics.acquisition.bag import Bag
from forensics.acquisition.collect import dry_run
from forensics.acquisition.opening import open_source
from forensics.acquisition.progress import OnProgress, Progress
from forensics.cli.options import human_bytes, size_option
from forensics.cli.progress import Bar
from forensics.cli.pushing import push_code, pushed_text, pusher_of, warn_pushed
from forensics.cli.signing import signing_key
from forensics.custody.keys import Key
from forensics.custody.lines import now
from forensics.custody.ticketfile import read_job_ticket
from forensics.custody.tickets import JobTicket
from forensics.errors import UsageError
from forensics.model import EvidenceSource
from forensics.transfer.stamp import check_address, try_stamp
from forensics.verifier import Verdict


@dataclass(slots=True)
class Job:
    """The options of one run, as given."""

    sources: tuple[str, ...]
    out: Path
    profile: str
    paths: tuple[str, ...]
    exclude: tuple[str, ...]
    case: str
    exhibit: str
    examiner: str
    key_file: str | None
    ticket_file: str | None
    push: tuple[str, ...]
    witness: tuple[str, ...]
    witness_key: tuple[str, ...]
    push_required: bool
    tsa: str | None
    resume: bool
    dry_run: bool
    max_file: str | None
    max_total: str | None
    max_seconds: int | None
    log_file: str | None
    as_json: bool
    quiet: bool
    no_progress: bool
    stamped: dict[str, str] | None = None

    def token_row(self) -> dict[str, Any]:
        """What became of --tsa, for JSON; nothing if it was not asked for."""
        return {"time_token": self.stamped} if self.stamped else {}

    def token_text(self) -> str:
        """The same for people, as a line of its own."""
        if not self.stamped:
            return ""
        if self.stamped["state"] == "stamped":
            return f"\ntime token   {self.stamped['path']}, it says {self.stamped['t']}"
        return f"\ntime token   none: {self.stamped['detail']}; later: sealbag stamp BAG --tsa URL"

    @property
    def overrides(self) -> dict[str, Any]:
        """What the profile is overridden with."""
        return {
            "paths": self.paths,
            "exclude": self.exclude,
            "max_file": size_option(self.max_file),
            "max_total": size_option(self.max_total),
            "max_seconds": self.max_seconds,
        }


def load_key(job: Job) -> Key | None:
    """The signing key, with what should be said about using it."""
    if job.key_file is None:
        return None
    key = signing_key(job.key_file)
    if any(uri in ("live", "live:") for uri in job.sources):
        print(
            "sealbag: warning: --key on a live host: whoever owns the host can use the key, and read its file.\n"
            "  Give a job ticket instead, made where the key is (sealbag ticket new): --ticket FILE. Without\n"
            "  either a one-off key of this run signs the seal.",
            file=sys.stderr,
        )
    return key


def load_ticket(ticket_file: str | None, key_file: str | None) -> JobTicket | None:
    """The job ticket, which also says the case where --case does not.

    :raises UsageError: if there is a --key too: under a ticket the run's own key signs the seal.
    """
    if ticket_file is None:
        return None
    if key_file is not None:
        raise UsageError("--key and --ticket", hint="Give one: under a ticket the run's own key signs the seal.")
    ticket = read_job_ticket(ticket_file)
    for warning in ticket.warnings:
        print(f"sealbag: warning: {warning}", file=sys.stderr)
    return ticket


def signer_of(options: dict[str, Any]) -> str | None:
    """What the own bag is verified against, if that is not the key of its seal: the ticket's signer."""
    ticket: JobTicket | None = options["ticket"]
    return ticket.signer if ticket is not None else None


class Log:
    """--log: one JSON object a line; nothing if no file was asked for."""

    def __init__(self, path: str | None) -> None:
        self._file = open(path, "a", encoding="utf-8") if path else None  # noqa: PTH123
        self._phase = ""

    def write(self, event: str, **fields: Any) -> None:
        """Add one line."""
        if self._file is not None:
            self._file.write(json.dumps({"t": now(), "event": event, **fields}) + "\n")
            self._file.flush()

    def watch(self, bar: OnProgress) -> OnProgress:
        """Pass progress on to *bar*; log each new phase."""

        def on_progress(progress: Progress) -> None:
            if progress.phase != self._phase:
                self._phase = progress.phase
                self.write("phase", phase=progress.phase, entries=progress.entries, done=progress.done)
            bar(progress)

        return on_progress

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """SIGTERM ends a run as Ctrl-C does: the bag stays resumable."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, old)


def open_all(job: Job, stack: ExitStack) -> list[EvidenceSource]:
    return [stack.enter_context(open_source(uri)) for uri in job.sources]


def plan(job: Job) -> dict[str, Any]:
    """--dry-run: what would be taken."""
    with ExitStack() as stack, Bar(show=not (job.quiet or job.no_progress)) as bar:
        return dry_run(open_all(job, stack), profile=job.profile, on_progress=bar, **job.overrides)


class HasVerdict(Protocol):
    """What an act gives: a sealed bag and the verdict on it (None of a stream), and more."""

    @property
    def bag(self) -> Bag: ...
    @property
    def verdict(self) -> Verdict | None: ...


Outcome = TypeVar("Outcome", bound=HasVerdict)


def perform(job: Job, act: Callable[[list[EvidenceSource], dict[str, Any]], Outcome]) -> Outcome:
    """Load the key, open the sources and *act*, with a bar, a log, and SIGTERM as Ctrl-C.

    :param act: given the sources and the keyword arguments of :func:`forensics.collect`.
    """
    log = Log(job.log_file)
    try:
        if job.tsa is not None:
            check_address(job.tsa)
        key, ticket = load_key(job), load_ticket(job.ticket_file, job.key_file)
        if ticket is not None:
            job.case = job.case or ticket.case
        with sigterm_interrupts(), ExitStack() as stack, Bar(show=not (job.quiet or job.no_progress)) as bar:
            sources = open_all(job, stack)
            targets = pusher_of(job.push, job.witness, job.witness_key, job.push_required, stack)
            log.write("start", sources=list(job.sources), out=str(job.out), profile=job.profile)
            options = {
                "profile": job.profile, "key": key, "ticket": ticket, "targets": targets, "case": job.case,
                "exhibit": job.exhibit, "examiner": job.examiner, "resume": job.resume,
                "on_progress": log.watch(bar), **job.overrides,
            }  # fmt: skip
            done = act(sources, options)
        if job.tsa is not None:
            job.stamped = try_stamp(done.bag.path, job.tsa)
            log.write("time-token", **job.stamped)
        bag, verdict = done.bag, done.verdict
        if job.quiet:
            warn_pushed(bag.pushed)
        log.write("sealed", seal_sha256=bag.seal_sha256, counts=dict(bag.counts), gaps=len(bag.coverage.gaps))
        for one in bag.pushed:
            log.write("pushed", **one.fields())
        if verdict is not None:  # of a stream there is none yet
            log.write("verdict", verdict=verdict.code, sha256=verdict.sha256)
    except BaseException as error:
        log.write("ended", error=type(error).__name__, detail=str(error)[:500])
        raise
    finally:
        log.close()
    return done


def push_exit(job: Job, bag: Bag) -> int:
    """The bag's exit code, or 74 if --push-required was given and a target did not receive everything."""
    return push_code(bag.pushed, bag.exit) if job.push_required else bag.exit


def result_row(schema: str, bag: Bag, verdict: Verdict) -> dict[str, Any]:
    """The JSON object of collect and triage."""
    coverage = bag.coverage
    return {
        "schema": schema,
        "bag": bag.id,
        "out": str(bag.path),
        "seal_sha256": bag.seal_sha256,
        "signer": bag.signer,
        "counts": dict(sorted(bag.counts.items())),
        "bytes": bag.bytes,
        "rules": [
            {"rule": r.rule, "state": r.state, "reason": r.reason, "counts": dict(r.counts)} for r in coverage.rules
        ],
        "gaps": [
            {"seq": gap.seq, "path": gap.path.display, "outcome": gap.outcome, "code": gap.code, "detail": gap.detail}
            for gap in coverage.gaps
        ],
        "resumed": bag.resumed,
        "pushed": [one.fields() for one in bag.pushed],
        "verdict": verdict.code,
        "verdict_sha256": verdict.sha256,
    }


def _nothing_matched(states: Sequence[str]) -> list[str]:
    """A folder of loose files is no host: rules that look for a host's paths find nothing in it."""
    if "matched" in states:
        return []
    return [
        "             no rule found anything: this source is not laid out as a host is, or it is empty;",
        "             --profile full takes every file, sealbag scan FOLDER reads loose event logs",
    ]


def summary(bag: Bag, verdict: Verdict, *, ticket: bool = False) -> str:
    """The last block of a run: to be pasted into a case file. *ticket*: it was made under one."""
    coverage = bag.coverage
    taken = bag.counts.get("complete", 0)
    others = ", ".join(f"{count:,} {name}" for name, count in sorted(bag.counts.items()) if name != "complete")
    states = [rule.state for rule in coverage.rules]
    lines = [
        f"verdict      {verdict.code} (against the key that {'signed the job ticket' if ticket else 'this run used'})",
        f"taken        {taken:,} artefacts and listings complete, {human_bytes(bag.bytes)} read and hashed",
        f"otherwise    {others or 'nothing'}",
        f"rules        {states.count('matched')} matched, {states.count('absent')} absent, "
        f"{states.count('excluded')} excluded, {states.count('not-evaluated')} not evaluated",
        f"gaps         {len(coverage.gaps):,}" + ("" if coverage.gaps else " (everything asked for was had)"),
    ]
    lines += [f"  {g.outcome} {g.code}: {g.path.display}"[:160] for g in coverage.gaps[:10]]
    if len(coverage.gaps) > 10:
        lines.append(f"  ... and {len(coverage.gaps) - 10:,} more: sealbag ls {bag.path} --gaps")
    lines += _nothing_matched(states) + pushed_text(bag.pushed)
    lines += [
        f"bag          {bag.path}",
        f"signer       {bag.signer}",
        f"seal digest  {bag.seal_sha256}",
        "             write the seal digest down, away from this bag: it is what a stranger checks against",
        f"verify       sealbag verify {bag.path} --seal {bag.seal_sha256}",
    ]
    return "\n".join(lines)
