"""Detection in a child, with an eye on rules that run away: :func:`forensics.detect.fast.child.detect` and no more.

The answer has one more entry, ``undecided``: [[file, title, events]...] of rules that did not answer in time, at
most 100. There is one timer a process, so that it is begun here, where the whole process is ours.
"""

from __future__ import annotations

from typing import Any

from forensics.detect.fast import child
from forensics.detect.patience import patience

#: rules named in one answer
MAX_SLOW = 100


def detect(item: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Match the events of *item*; what a rule did not decide makes the answer ``partial`` and names the rule.

    :raises RuleInvalid, OSError: as :func:`forensics.detect.fast.child.detect`.
    """
    patience.begin()
    patience.take()
    answer = child.detect(item, options)
    slow = patience.take()
    if slow:
        rules = child._engine(options).ruleset.rules
        named = [(rules[number], count) for number, count in sorted(slow.items())[:MAX_SLOW]]
        answer["undecided"] = [[rule.file[:300], rule.title[:128], count] for rule, count in named]
        if not answer["code"]:
            rule, count = named[0]
            more = f", and {len(slow) - 1} more rules" if len(slow) > 1 else ""
            answer |= {
                "status": "partial", "code": "rule-too-slow",
                "detail": f"{rule.title[:80]} ({rule.file[:80]}) did not answer in time on {count} events{more}",
            }  # fmt: skip
    return answer
