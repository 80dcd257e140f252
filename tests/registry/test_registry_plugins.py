"""Plug-ins of a stranger's distribution, installed for the test as metadata and modules on the search path."""

from __future__ import annotations

import hashlib
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from forensics import registry
from forensics.errors import PluginError, ProfileUnknown


def distribution(root: Path, name: str, entries: str, files: dict[str, str] | None = None, **metadata: str) -> None:
    info = root / f"{name}-1.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text(entries)
    for file, text in metadata.items():
        (info / file.replace("_json", ".json").replace("_txt", ".txt")).write_text(text)
    for file, text in (files or {}).items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_our_own_are_listed_like_a_strangers() -> None:
    ids = {group: {plugin.id for plugin in registry.names(group)} for group in registry.GROUPS}
    assert {"full", "stanzas"} <= ids["forensics.collectors"]
    assert {"full", "triage"} <= ids["forensics.profiles"]
    (own,) = [p for p in registry.names("forensics.collectors") if p.id == "full"]
    assert (own.distribution, own.target) == ("sealbag", "collectors.full:FullCollector")
    assert own.version == importlib.metadata.version("sealbag")


def test_listing_imports_nothing_of_what_it_lists(root: Path) -> None:
    distribution(root, "stranger", "[forensics.parsers]\nx = stranger_mod:X\n", {"stranger_mod.py": "X = 7\n"})
    assert "x" in [p.id for p in registry.names("forensics.parsers")]
    assert "stranger_mod" not in sys.modules
    assert registry.load("forensics.parsers", "x") == 7
    program = (
        "import sys; from forensics import registry; [registry.names(g) for g in registry.GROUPS];"
        "heavy = {'collectors', 'rich', 'click', 'pytsk3', 'cryptography'};"
        "print([m for m in sys.modules if m.split('.')[0] in heavy])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_id_twice_names_both_distributions(root: Path) -> None:
    distribution(root, "one", "[forensics.scanners]\ndup = m:A\n")
    distribution(root, "two", "[forensics.scanners]\ndup = m:B\n")
    with pytest.raises(PluginError) as caught:
        registry.names("forensics.scanners")
    text = str(caught.value)
    assert "dup" in text and "one 1.5" in text and "two 1.5" in text and caught.value.exit == 78


@pytest.mark.parametrize(
    ("group", "id", "error", "expected"),
    [
        ("forensics.collectors", "stanza", PluginError, "no collector is called stanza; did you mean stanzas?"),
        ("forensics.profiles", "triag", ProfileUnknown, "no profile is called triag; did you mean triage?"),
        ("forensics.profiles", "zzzz", ProfileUnknown, "no profile is called zzzz"),
        ("forensics.profile", "x", PluginError, "did you mean forensics.profiles?"),
    ],
)
def test_unknown_names_come_with_the_nearest(group: str, id: str, error: type[Exception], expected: str) -> None:
    with pytest.raises(error, match=expected.replace("?", r"\?")):
        registry.load(group, id)


@pytest.mark.parametrize(
    ("code", "cause"),
    [("import no_such_module_at_all", ModuleNotFoundError), ("X = 1 / 0", ZeroDivisionError), ("def", SyntaxError),
     ("Y = 1", AttributeError)],
)  # fmt: skip
def test_a_broken_plugin_names_itself_and_its_cause(root: Path, code: str, cause: type[Exception]) -> None:
    module = f"broken_{cause.__name__.lower()}"
    distribution(root, "breaks", f"[forensics.exporters]\nb = {module}:X\n", {f"{module}.py": code + "\n"})
    with pytest.raises(PluginError, match=f"plug-in b of breaks 1.5 does not load: {cause.__name__}") as caught:
        registry.load("forensics.exporters", "b")
    assert isinstance(caught.value.__cause__, cause)


def test_a_profile_is_a_file_beside_a_module(root: Path) -> None:
    distribution(
        root, "profiler", "[forensics.profiles]\nmine = prof_pkg:mine.toml\nlost = prof_pkg:lost.toml\n",
        {"prof_pkg/__init__.py": "", "prof_pkg/mine.toml": "collectors = ['full']\n"},
    )  # fmt: skip
    assert registry.load("forensics.profiles", "mine").read_text() == "collectors = ['full']\n"
    with pytest.raises(PluginError, match=r"profiler has no file lost\.toml"):
        registry.resource("forensics.profiles", "lost")


def test_digest_of_an_installed_wheel_is_the_same_on_every_host(root: Path) -> None:
    code = "stranger_mod.py,sha256=AAAA,3\nstranger-1.5.dist-info/METADATA,sha256=BBBB,3\n"
    host = "../../../bin/x,sha256=CCCC,9\nstranger-1.5.dist-info/INSTALLER,sha256=DDDD,4\nx.pyc,,\n"
    distribution(root, "stranger", "", RECORD=host + code)
    lines = "stranger-1.5.dist-info/METADATA,sha256=BBBB\nstranger_mod.py,sha256=AAAA\n"
    assert registry.distribution_digest("stranger") == hashlib.sha256(lines.encode()).hexdigest()


def test_digest_of_an_editable_install_follows_its_files(root: Path) -> None:
    distribution(
        root, "edited", "", {"edited_pkg/__init__.py": "", "edited_pkg/sub/a.py": "A = 1\n", "edited_pkg/b.bin": "b"},
        direct_url_json='{"dir_info": {"editable": true}}', top_level_txt="edited_pkg\n", RECORD="x.pth,sha256=AA,1\n",
    )  # fmt: skip
    before = registry.distribution_digest("edited")
    (root / "edited_pkg/b.bin").write_text("no code")
    assert registry.distribution_digest("edited") == before
    (root / "edited_pkg/sub/a.py").write_text("A = 2\n")
    assert registry.distribution_digest("edited") != before
    assert "edited_pkg" not in sys.modules
    with pytest.raises(PluginError, match="no distribution is called nobody-at-all"):
        registry.distribution_digest("nobody-at-all")


def test_digest_of_ourselves_exists() -> None:
    assert len(registry.distribution_digest("sealbag")) == 64
