"""The page as a program: docs/format.md, section 17. One request a line on standard input, one answer a line.

python tests/verify_page/runner.py < requests
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from page_driver import AGE, ZSTD, Page

#: What the page never does: `needs` of section 17.
ANCHORS = ("signer", "trust", "seal", "checkpoint", "witness", "origin", "revoked")


def answer(page: Page, request: dict[str, Any]) -> dict[str, Any]:
    """One answer; `unsupported` names what the page lacks to look at the thing at all."""
    path, kind = Path(request["path"]), request["kind"]
    anchors = {name: value for name, value in (request.get("anchors") or {}).items() if name in ANCHORS and value}
    if kind == "bag":
        result = page.dropped(path, **anchors)
    else:
        with path.open("rb") as file:
            head = file.read(len(AGE))
        for lacking, magic in (("age", AGE), ("zstd", ZSTD)):
            if head.startswith(magic):
                return {"id": request["id"], "unsupported": [lacking]}
        result = page.file(path, kind, **anchors)
    told = {"id": request["id"], "verdict": result["verdict"], "exit": result["exit"], "first": result.get("first")}
    told |= {"not_checked": result.get("not_checked", []), "notes": result.get("note_names", [])}
    return told | {key: result[key] for key in ("verdict_sha256", "error") if result.get(key)}


def main() -> None:
    with Page() as page:
        for line in sys.stdin:
            print(json.dumps(answer(page, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
