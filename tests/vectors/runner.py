"""Put all vectors to a verifier: ``python tests/vectors/runner.py --verifier "COMMAND"`` (docs/format.md section 17).

COMMAND reads requests from standard input and answers each with a line. What it lacks is said with --lacks: it is
then judged by what a vector says of a verifier without that. Ends with 1 if an answer is another than it should be.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from vector_judge import differences, index, missing_here, request, system_lacks, unpack

VECTORS = Path(__file__).resolve().parents[2] / "vectors"


def ask(command: list[str], asked: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """All requests to one process; what it answers, by id."""
    text = "".join(json.dumps(one) + "\n" for one in asked)
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, encoding="utf-8", check=False)
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.strip()]
    if done.returncode:
        print(f"the verifier ended with {done.returncode}", file=sys.stderr)
    return {answer["id"]: answer for answer in answers}


def can_be_judged(vector: dict[str, Any], lacking: set[str]) -> bool:
    """A verifier is not asked what it has no answer to: a FIFO could make it wait for ever."""
    return not lacking & set(vector["needs"]) or ("without" in vector and not system_lacks() & set(vector["needs"]))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Put all vectors to a verifier.")
    parser.add_argument("--verifier", required=True, metavar="COMMAND", help="the program, with its arguments")
    parser.add_argument("--vectors", type=Path, default=VECTORS, metavar="DIR", help="where index.json is")
    parser.add_argument("--lacks", default="", metavar="A,B", help="tsa, krl, age, zstd, links, names")
    parser.add_argument("--quiet", action="store_true", help="print what differs, and the counts")
    parser.add_argument("id", nargs="*", help="these vectors only")
    given = parser.parse_args(argv)
    vectors = [one for one in index(given.vectors) if not given.id or one["id"] in given.id]
    lacking = set(given.lacks.split(","))
    here = [one for one in vectors if can_be_judged(one, system_lacks() | lacking)]
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        roots = {one["id"]: unpack(given.vectors, one, Path(name)) for one in here}
        lacks = {one["id"]: missing_here(one, roots[one["id"]]) | lacking for one in here}
        answers = ask(shlex.split(given.verifier), [request(one, roots[one["id"]]) for one in here])
    counts["not judged"] += len(vectors) - len(here)
    for one in here:
        got = answers.get(one["id"], {"verdict": "no answer"})
        wrong = differences(one, got, lacks[one["id"]])
        word = "not judged" if wrong is None else "differs" if wrong else "agrees"
        counts[word] += 1
        if wrong or not given.quiet:
            print(f"{word:<10}  {one['case']:<4} {one['id']:<36} {got.get('verdict', 'unsupported'):<11}"
                  f" {'; '.join(wrong or [])}".rstrip())  # fmt: skip
    print(", ".join(f"{count} {word}" for word, count in sorted(counts.items()) if count))
    return 1 if counts["differs"] or not counts["agrees"] else 0


if __name__ == "__main__":
    sys.exit(main())
