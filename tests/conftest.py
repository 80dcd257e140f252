"""What every test may ask for: real data, sample images, and an honest way out.

A test that cannot run here says ``not shown: needs X``; the summary lists every such
reason, and under ``SEALBAG_STRICT=1`` as root (CI) it makes the session fail, because
there everything can be had. The real data beside the checkout cannot be had everywhere:
its absence is listed as loudly and fails nothing, since the suite proves every feature on
data of its own too.
"""

from __future__ import annotations

import lzma
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from forensics import Bag, Key

ROOT = Path(__file__).resolve().parent.parent
NOT_SHOWN = "not shown: "
NO_DATA = "no real data: "
SAMPLES = Path("/usr/share/forensics-samples")

settings.register_profile("default", derandomize=True, deadline=None, max_examples=40, database=None)
settings.register_profile("fuzz", deadline=None, max_examples=400, print_blob=True)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("fuzz" if "SEALBAG_FUZZ_SECONDS" in os.environ else "default")
)


def not_shown(what: str) -> NoReturn:
    """End the test as *not shown*.

    :param what: ``needs root``, ``needs sleuthkit (fls)``...
    """
    pytest.skip(NOT_SHOWN + what)


def _root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _fuse() -> bool:
    return Path("/dev/fuse").exists() and shutil.which("fusermount3") is not None and os.access("/dev/fuse", os.W_OK)


#: What a test can need that is no program on PATH.
ABILITIES: dict[str, Callable[[], bool]] = {
    "root": _root,
    "fuse": _fuse,
    "linux": lambda: sys.platform == "linux",
    "windows": lambda: sys.platform == "win32",
    "posix": lambda: os.name == "posix",
}
#: The Debian package of a program, where the names differ.
PACKAGES = {
    "bsdtar": "libarchive-tools",
    "ewfacquire": "ewf-tools",
    "ewfexport": "ewf-tools",
    "ewfverify": "ewf-tools",
    "fls": "sleuthkit",
    "fsstat": "sleuthkit",
    "icat": "sleuthkit",
    "mkfs.exfat": "exfatprogs",
    "mkfs.ext4": "e2fsprogs",
    "mkfs.vfat": "dosfstools",
    "mkntfs": "ntfs-3g",
    "setfattr": "attr",
    "ssh-keygen": "openssh-client",
    "tsk_recover": "sleuthkit",
}


def program(name: str) -> str | None:
    """Return the path of a program; /usr/sbin counts even when it is not on PATH."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def check_needs(*names: str) -> None:
    """End the test as *not shown* unless every name is an ability or a program here."""
    for name in names:
        if name in ABILITIES:
            if not ABILITIES[name]():
                not_shown(f"needs {name}")
        elif program(name) is None:
            package = PACKAGES.get(name, name)
            not_shown(f"needs {name}" if package == name else f"needs {name} ({package})")


@pytest.fixture
def needs() -> Callable[..., None]:
    """``needs("root", "fls")`` inside a test; ``@pytest.mark.needs(...)`` before it."""
    return check_needs


@pytest.fixture(name="not_shown")
def not_shown_fixture() -> Callable[[str], NoReturn]:
    """``not_shown("needs a loop device")`` where only trying tells."""
    return not_shown


def data_folder() -> Path | None:
    """Return the folder of shared real data, None if it is not here."""
    folder = Path(os.environ.get("SEALBAG_DATA") or ROOT.parent / "shared" / "data")
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data (``$SEALBAG_DATA``, else ``../shared/data``)."""
    folder = data_folder()
    if folder is None:
        pytest.skip(NO_DATA + "neither ../shared/data nor $SEALBAG_DATA")
    return folder


@dataclass(frozen=True)
class Samples:
    """Debian's sample images, decompressed once for each user and kept between runs."""

    folder: Path

    def image(self, name: str) -> Path:
        """Return the image *name* (``ntfs``, ``ext4``, ``multiple``...), read-only."""
        packed = SAMPLES / f"fs.{name}.xz"
        if not packed.exists():
            not_shown(f"needs forensics-samples-{name}")
        stamp = packed.stat()
        target = self.folder / f"fs.{name}-{stamp.st_size}-{stamp.st_mtime_ns}.raw"
        if not target.exists():
            # Two xdist workers may both come here: each writes its own, the rename decides.
            with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as out, lzma.open(packed) as data:
                shutil.copyfileobj(data, out, 1 << 16)
            Path(out.name).chmod(0o444)
            Path(out.name).replace(target)
        return target


@pytest.fixture(scope="session")
def samples() -> Samples:
    """``samples.image("ntfs")`` is a path; the test is *not shown* without the package."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"sealbag-samples-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    assert os.name != "posix" or folder.stat().st_uid == user, f"{folder} is somebody else's"
    return Samples(folder)


# The fixtures below are for tests/spine; they stand here because two files named conftest
# would shadow each other for `from conftest import ...`.


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an awkward handful of files."""
    root = tmp_path_factory.mktemp("planted")
    (root / "var/log").mkdir(parents=True)
    (root / "var/log/auth.log").write_bytes(b"Nov 24 13:06:37 web1 sshd[811]: Accepted publickey\n" * 40)
    (root / "empty").write_bytes(b"")
    (root / "same-1").write_bytes(b"the same bytes")
    (root / "same-2").write_bytes(b"the same bytes")
    os.link(root / "same-1", root / "linked")
    (root / "link").symlink_to("nowhere")
    if os.name == "posix":
        (Path(os.fsdecode(os.fsencode(root) + b"/name\n\xff\xe2\x80\xae"))).write_bytes(b"odd name")
        os.mkfifo(root / "fifo")
    return root


@pytest.fixture(scope="session")
def examiner(tmp_path_factory: pytest.TempPathFactory) -> Key:
    """A key in a file, as an examiner has it."""
    from forensics import Key

    key = Key.one_off()
    key.save(tmp_path_factory.mktemp("key") / "id", comment="examiner")
    return key


@pytest.fixture(scope="session")
def sealed(planted: Path, examiner: Key, tmp_path_factory: pytest.TempPathFactory) -> Bag:
    """A sealed bag of the planted folder; never changed."""
    from forensics import collect, open_source

    with open_source(planted) as source:
        return collect(
            source, tmp_path_factory.mktemp("sealed") / "bag", profile="full", key=examiner, case="7", exhibit="HD1"
        )


@pytest.fixture
def copy(sealed: Bag, tmp_path: Path) -> Callable[[], Path]:
    """A fresh copy of the sealed bag."""

    def make() -> Path:
        target = tmp_path / "copy"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(sealed.path, target)
        return target

    return make


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*names): abilities and programs without which a test is not shown")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        check_needs(*mark.args)


def _reasons(reporter: pytest.TerminalReporter, prefix: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for report in reporter.stats.get("skipped", []):
        place = report.longrepr
        text = place[2] if isinstance(place, tuple) else str(place)
        _, mark, reason = text.partition(prefix)
        if mark:
            found.setdefault(mark + reason, []).append(report.nodeid)
    return found


def _strict() -> bool:
    return os.environ.get("SEALBAG_STRICT") == "1" and _root()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    found = _reasons(terminalreporter, NOT_SHOWN)
    for reason, tests in sorted((found | _reasons(terminalreporter, NO_DATA)).items()):
        terminalreporter.write_line(f"{reason} (tests: {len(tests)}, first {tests[0]})", yellow=True)
    if found and _strict():
        terminalreporter.write_line("SEALBAG_STRICT=1 as root: what is not shown counts as failed", red=True)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == 0 and reporter is not None and _strict() and _reasons(reporter, NOT_SHOWN):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
