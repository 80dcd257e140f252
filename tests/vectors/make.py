"""Write vectors/ anew: ``python tests/vectors/make.py [--fresh]`` (--fresh: also the tokens and the KRL)."""

from __future__ import annotations

import sys

import vector_all
import vector_fixed
from vector_all import FOLDER, index_text

if __name__ == "__main__":
    if "--fresh" in sys.argv[1:]:
        vector_fixed.make_all(vector_all.covered)
    FOLDER.mkdir(exist_ok=True)
    made = list(vector_all.vectors())
    for old in {path.name for path in FOLDER.glob("*.tar.gz")} - {f"{one.name}.tar.gz" for one in made}:
        (FOLDER / old).unlink()
    for one in made:
        one.write(FOLDER)
    (FOLDER / "index.json").write_text(index_text(made), encoding="utf-8")
    print(len(made), "vectors,", sum(path.stat().st_size for path in FOLDER.iterdir()), "bytes")
