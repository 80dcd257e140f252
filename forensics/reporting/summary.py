"""The words of a report: what the verdict means, three sentences, what an empty table means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from forensics.model.artefact import GAP_OUTCOMES
from forensics.reporting.answered import LABELS
from forensics.reporting.clean import cell, clean
from forensics.reporting.data import Found, ReportData

LEVELS = ("alert", "warning", "notice")
#: what each verdict says, after docs/format.md, section 10
MEANS = {
    "VALID": "Every byte of the bag is as it was when it was sealed, nothing was added or taken away, "
    "and what you trust vouches for the seal.",
    "INVALID": "The bag is not what was sealed: something in it was changed, added or taken away. "
    "Nothing below may be relied on until this is explained.",
    "INCOMPLETE": "The bag was not sealed, or not whole: what is here agrees, but it is not all of it.",
    "UNTRUSTED": "The bag agrees with itself, but nobody vouches for the key that sealed it. "
    "Anybody can make such a bag: give the verifier an anchor.",
    "UNSAFE": "The bag holds names that would lead outside it. Do not unpack or copy it with other programs.",
    "IO ERROR": "The bag could not be read to its end; the disk may be failing. Make a copy first.",
}


@dataclass(frozen=True, slots=True)
class Summary:
    """The three sentences: what was taken, what stands out, what could not be seen."""

    taken: str
    stands_out: str
    unseen: str

    def __iter__(self) -> Iterator[str]:
        return iter((self.taken, self.stands_out, self.unseen))


def number(count: int, one: str, many: str = "") -> str:
    """``1 gap``, ``1,212 gaps``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def size(count: int | float) -> str:
    """Bytes with a unit (powers of 1024)."""
    if count < 1024:
        return number(int(count), "byte")
    value = float(count)
    for unit in ("KiB", "MiB", "GiB", "TiB", "PiB"):
        value /= 1024
        if value < 1024 or unit == "PiB":
            break
    return f"{value:.3g} {unit}" if value < 1000 else f"{value:,.0f} {unit}"


def listed(words: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else list(words))


def by_level(findings: Sequence[Found]) -> dict[str, list[Found]]:
    """Findings of each level, alert first; a level that is none of ours counts as notice."""
    groups: dict[str, list[Found]] = {level: [] for level in LEVELS}
    for found in findings:
        groups.get(found.finding.level, groups["notice"]).append(found)
    return groups


def _ran(data: ReportData) -> str:
    checked = data.checked
    text = f"{number(checked.rules, 'rule')} ran over {number(checked.artefacts, 'artefact')}"
    if checked.not_evaluated:
        text += f"; {checked.not_evaluated:,} could not be evaluated"
    return text


def no_findings(data: ReportData) -> str:
    """What it means that there are none."""
    if not data.checked.rules:
        return "No findings: nothing was looked for, so this says nothing about the host."
    return f"No findings: {_ran(data)}. That nothing fired does not prove that nothing happened."


def _taken(data: ReportData) -> str:
    about, covered = data.about, data.covered
    if covered is None:
        return "What was taken was not stated to this report; the bag's ledger says it."
    text = number(covered.taken, "artefact")
    if covered.bytes:
        text += f" ({size(covered.bytes)})"
    text += " was taken" if covered.taken == 1 else " were taken"
    if about.get("host"):
        text += f" from {cell(about['host'])}"
    if about.get("profile"):
        text += f" with the profile {cell(about['profile'])}"
    if about.get("started"):
        text += f", begun {short_time(about['started'])}"
    if about.get("ended"):
        text += f", ended {short_time(about['ended'])}"
    return text + "."


def short_time(text: str) -> str:
    """RFC 3339 UTC to the second, zone written."""
    head, dot, _ = cell(text).partition(".")
    return head.removesuffix("Z").replace("T", " ") + " UTC" if dot or head.endswith("Z") else head


def _stands_out(data: ReportData) -> str:
    groups = by_level(data.findings)
    if not data.findings:
        return no_findings(data)
    words = [number(len(found), level) for level, found in groups.items() if found]
    first = next(found for found in groups.values() if found)[0].finding
    verb = "stands" if len(data.findings) == 1 else "stand"
    title = clean(first.title, 200).rstrip(".")
    return f"{listed(words)} {verb} out, first of all: {title}."


def gap_words(data: ReportData) -> str:
    """Gaps by outcome, most first."""
    counts: dict[str, int] = {}
    for gap in data.covered.gaps if data.covered else ():
        name = cell(gap.get("outcome"))
        counts[name] = counts.get(name, 0) + 1
    return listed([f"{count:,} {name}" for name, count in sorted(counts.items(), key=lambda pair: -pair[1])])


def _unseen(data: ReportData) -> str:
    covered = data.covered
    if covered is None:
        text = "Whether something that was asked for is missing was not stated"
    elif covered.gaps:
        text = f"{number(len(covered.gaps), 'gap')}: {gap_words(data)}"
    else:
        lost = sum(covered.counts.get(name, 0) for name in GAP_OUTCOMES)
        text = f"{number(lost, 'artefact')} not taken whole" if lost else "Nothing that was asked for is missing"
    if covered is not None and covered.deaths:
        text += f"; {number(covered.deaths, 'reading process', 'reading processes')} died on what was read"
    if data.blind:
        text += f"; {number(len(data.blind), 'kind')} of evidence could not have been seen here at all"
    return text + "."


def summary(data: ReportData) -> Summary:
    """What was taken, what stands out, what could not be seen."""
    return Summary(_taken(data), _stands_out(data), _unseen(data))


def empty_words(data: ReportData) -> dict[str, str]:
    """For each table, what it means that it is empty."""
    not_made = {
        "events": "No events: no log was parsed.",
        "logons": "No logons: no log that records them was parsed.",
        "processes": "No processes: the state of a running system was not recorded.",
        "sockets": "No sockets: the state of a running system was not recorded.",
        "accounts": "No accounts: no list of accounts was read.",
        "receipts": "No statements: nothing was parsed or scanned.",
        "artefacts": "No artefacts: the bag's catalogue was not given.",
    }
    none = {
        "events": "No events: the logs that were parsed hold none.",
        "logons": "No logons: the logs that were parsed record none.",
        "processes": "No processes: they were asked for and none was listed.",
        "sockets": "No sockets: they were asked for and none was open.",
        "accounts": "No accounts: the lists that were read are empty.",
        "receipts": "No statements: no artefact was for a parser or scanner.",
        "artefacts": "No artefacts: no rule matched anything on the source.",
    }
    words = {name: not_made[name] if getattr(data, name) is None else none[name] for name in not_made}
    for name, (label, _) in LABELS.items():
        made = data.answered.get(name) is not None
        words[name] = f"{label}: {'the logs that were parsed tell of none' if made else 'no log was parsed'}."
    words["findings"] = no_findings(data)
    words["gaps"] = "No gaps: everything that was asked for and found is in the bag, whole."
    words["rules"] = "No rules: the ledger states none."
    if data.covered is None:
        words["gaps"] = words["rules"] = "Not stated: coverage was not given to this report."
    return words | {name: cell(text) for name, text in data.empty.items()}
