"""docs/verify.html in headless Chromium, opened from its file: bags go in as a person's would, verdicts come out."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from devtools import Browser

PAGE = Path(__file__).resolve().parents[2] / "docs/verify.html"
FILES = ("trust", "checkpoint", "witness", "revoked")
AGE, ZSTD = b"age-encryption.org/v1", b"\x28\xb5\x2f\xfd"


class Page:
    """The page, ready to be asked; everything is loaded by the browser itself, from disk."""

    def __init__(self, *, path: Path = PAGE) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="verify-page-"))
        self.browser = Browser(self._folder)
        self.browser.open(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.browser.__exit__(kind, error, trace)
        shutil.rmtree(self._folder, ignore_errors=True)

    def put(self, element: str, *paths: Path) -> None:
        """Choose files (or one folder) in a file input, as its dialogue would; no path empties it."""
        if not paths:
            self.browser.run(f"document.getElementById({element!r}).value = ''")
            return
        handle = self.browser.call("Runtime.evaluate", expression=f"document.getElementById({element!r})")
        files = [str(path) for path in paths]
        self.browser.call("DOM.setFileInputFiles", files=files, objectId=handle["result"]["objectId"])

    def bag(self, root: Path, **anchors: Any) -> dict[str, Any]:
        """The page's answer on a bag folder; *anchors* are as those of forensics.verify."""
        self.put("folder")  # the browser lists a folder in its own time: only a new list may be taken
        self.put("folder", root)
        self.browser.until("document.getElementById('folder').files.length")
        code = "sealbagParts.fromInput(document.getElementById('folder').files).files"
        return self._ask(code, "bag", anchors)

    def dropped(self, root: Path, **anchors: Any) -> dict[str, Any]:
        """The same with the folder dropped on the page: so the browser shows empty folders too."""
        self.browser.run("chosen = null; fail('')")
        data = {"items": [], "files": [str(root)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.browser.call("Input.dispatchDragEvent", type=kind, x=60, y=60, data=data)
        if self.browser.until("chosen ? 1 : document.getElementById('error').textContent ? 2 : 0") != 1:
            return self.bag(root, **anchors)
        return self._ask("chosen.files", "bag", anchors)

    def file(self, path: Path, kind: str, **anchors: Any) -> dict[str, Any]:
        """The page's answer on a citation or on a transport tar."""
        self.put("file", path)
        return self._ask("[{path: '', blob: document.getElementById('file').files[0]}]", kind, anchors)

    def _ask(self, files: str, kind: str, anchors: dict[str, Any]) -> dict[str, Any]:
        given = {}
        for name, value in anchors.items():
            if name in FILES:
                self.put(name, Path(value))
                given[name] = f"document.getElementById({name!r}).files[0]"
            else:
                given[name] = json.dumps(str(value))
        words = ", ".join(f"{name}: {code}" for name, code in given.items())
        result: dict[str, Any] = self.code(f"sealbagVerify({files}, {{{words}}}, {{kind: {kind!r}}})")
        return result

    def code(self, code: str) -> Any:
        """The value of an expression in the page."""
        return self.browser.run(code)
