"""A stranger's distribution: a parser, a source, a scanner, definitions and a command, three files each at most."""

import json
import os
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest

PYPROJECT = """
    [build-system]
    requires = ["setuptools"]
    build-backend = "setuptools.build_meta"
    [project]
    name = "stranger"
    version = "3.1"
    [project.entry-points."forensics.parsers"]
    "stranger.lines" = "stranger.lines:Lines"
    [project.entry-points."forensics.sources"]
    "stranger.text" = "stranger.text:TextSource"
    [project.entry-points."forensics.scanners"]
    "stranger.words" = "stranger.words:Words"
    [project.entry-points."forensics.definitions"]
    "stranger" = "stranger.definitions"
    [project.entry-points."forensics.commands"]
    "greet" = "stranger.greet:command"
    [tool.setuptools]
    packages = ["stranger", "stranger.definitions"]
    include-package-data = false
    [tool.setuptools.package-data]
    "stranger" = ["*.txt"]
    "stranger.definitions" = ["*.toml"]
"""
LINES = """
    class Lines:
        id, version, inputs = "stranger.lines", "3.1", ()

        def claims(self, name, head):
            return 90 if name.endswith(".lines") else 0

        def parse(self, opened):
            with opened.open() as stream:
                for number, line in enumerate(stream):
                    yield opened.event(f"r{number}.0", message=line.decode("utf-8", "replace").rstrip(), action="line")
"""
TEXT = '''
    from forensics.model import Entry, SourcePath, Volume
    from forensics.source.base import BaseSource

    class Bytes:
        def __init__(self, data):
            self.data, self.size, self.at = data, len(data), 0
        def readinto(self, buffer):
            piece = self.data[self.at:self.at + len(buffer)]
            buffer[:len(piece)] = piece
            self.at += len(piece)
            return len(piece)
        def seek(self, offset):
            self.at = offset
            return offset
        def extents(self):
            return None
        def stat_after(self):
            return None
        def close(self):
            pass

    class TextSource(BaseSource):
        """text:NAME=CONTENT - one file with that content."""
        kind = "text"

        @staticmethod
        def probe(uri):
            return 100 if uri.startswith("text:") else 0
        def identity(self):
            return {"words": len(self.uri)}
        def volumes(self):
            return [Volume("only")]
        def walk(self, volume):
            name, _, content = self.uri[5:].partition("=")
            yield Entry("only", SourcePath(name.encode()), size=len(content))
        def open(self, entry):
            return Bytes(self.uri[5:].partition("=")[2].encode())
'''
WORDS = '''
    import hashlib
    from pathlib import Path
    from forensics.model.event import Finding, Pack, Ref

    class Words:
        """A rule file holds one word a line."""
        id, version, inputs = "stranger.words", "3.1", ()
        packs = (str(Path(__file__).with_name("words.txt")),)

        def prepare(self, packs):
            out = []
            for path in packs:
                digests = hashlib.sha256()
                self.words = []
                for file in sorted(file for file in Path(path).rglob("*") if file.is_file()):
                    data = file.read_bytes()
                    self.words += data.split()
                    name = file.relative_to(path).as_posix().encode()
                    digests.update(name + b"\\0" + hashlib.sha256(data).hexdigest().encode() + b"\\n")
                self.pack = digests.hexdigest()
                out.append(Pack(Path(path).name, digests.hexdigest(), len(self.words)))
            return out

        def scan(self, opened):
            with opened.open() as stream:
                data = stream.read()
            for word in self.words:
                at = data.find(word)
                if at >= 0:
                    yield Finding("stranger.words", word.decode(), "warning", f"the word {word.decode()}",
                                  refs=(Ref(opened.sha256),), offset=at, length=len(word), matched=word.decode(),
                                  pack_sha256=self.pack)
'''
TOML = """
    [[artefact]]
    name = "stranger.own"
    description = "what strangers keep"
    paths = ["opt/stranger/*.lines"]
    source = "stranger"
    category = "logs"
    fires = ["opt/stranger/a.lines"]
    silent = ["opt/a.lines"]
"""
GREET = '''
    import click

    @click.command("greet")
    def command():
        """Greets."""
        print("hello from a stranger")
'''


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a temporary environment that holds sealbag and the stranger's distribution."""
    folder = tmp_path_factory.mktemp("stranger")
    package = folder / "src/stranger"
    (package / "definitions").mkdir(parents=True)
    files = {
        folder / "src/pyproject.toml": PYPROJECT, package / "__init__.py": "", package / "lines.py": LINES,
        package / "text.py": TEXT, package / "words.py": WORDS, package / "greet.py": GREET,
        package / "words.txt": "evil",
        package / "definitions/__init__.py": "", package / "definitions/own.toml": TOML,
    }  # fmt: skip
    for path, text in files.items():
        path.write_text(textwrap.dedent(text))
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    site = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    # site processes .pth files of this environment; those of the other one are named again
    ours = Path(sysconfig.get_paths()["purelib"])
    (Path(site) / "sealbag.pth").write_text(f"import site; site.addsitedir({str(ours)!r})\n")
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index"]
    done = subprocess.run(
        [*install, "--no-build-isolation", str(folder / "src")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return python


def _sealbag(python: Path, *args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [str(python), "-m", "forensics.cli.main", *args]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def _lines(bag: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (bag / "custody/ledger.jsonl").read_text().splitlines()]


def test_the_strangers_source_parser_and_scanner_work_as_ours(python: Path, tmp_path: Path) -> None:
    done = _sealbag(
        python, "triage", "--source", "text:opt/stranger/a.lines=an evil line", "--out", "t", "--json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    row = json.loads(done.stdout)
    assert row["verdict"] == "VALID"
    assert row["results"]["stranger.lines"]["events"]["live"] == 1
    assert row["findings"]["warning"] >= 1
    lines = _lines(tmp_path / "t/bag")
    plugins = {line["id"]: line for line in lines if line["kind"] == "plugin"}
    for id in ("stranger.text", "stranger.lines", "stranger.words"):
        assert (plugins[id]["distribution"], plugins[id]["version"]) == ("stranger", "3.1")
        assert len(str(plugins[id]["sha256"])) == 64
    rules = {line["rule"]: line["state"] for line in lines if line["kind"] == "rule"}
    assert rules["stanzas:stranger.own"] == "matched"


def test_the_strangers_command(python: Path, tmp_path: Path) -> None:
    assert _sealbag(python, "greet", cwd=tmp_path).stdout == "hello from a stranger\n"
    assert "greet" in _sealbag(python, "info", "--json", cwd=tmp_path).stdout


def test_the_checks_for_authors(python: Path, tmp_path: Path) -> None:
    (tmp_path / "a.lines").write_text("one\ntwo\n")
    (tmp_path / "golden.jsonl").write_text('{"locator": "r0.0", "message": "one"}\n{"message": "two"}\n')
    code = (
        "from forensics.testing import check_parser, check_scanner, check_source\n"
        "from forensics import open_source\n"
        "print(len(check_parser('stranger.lines', 'a.lines', 'golden.jsonl', cuts=3)))\n"
        "print(check_source(lambda: open_source('text:a=b')).read)\n"
        "print(len(check_scanner('stranger.words', {'x': b'an evil word'}, {'y': b'a good word'})))\n"
        "try:\n"
        "    check_parser('stranger.lines', 'a.lines', 'a.lines', cuts=1)\n"
        "except (AssertionError, ValueError):\n"
        "    print('refused')\n"
    )
    done = subprocess.run([str(python), "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["2", "1", "3", "refused"], done.stderr
