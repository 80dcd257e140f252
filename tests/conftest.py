"""What every test may ask for: real data, sample images, and an honest way out.

A test that cannot run here says ``not shown: needs X``; the summary lists every such
reason, and under ``SEALBAG_STRICT=1`` as root (CI) it makes the session fail, because
there everything can be had. The real data beside the checkout cannot be had everywhere:
its absence is listed as loudly and fails nothing, since the suite proves every feature on
data of its own too.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from hypothesis import settings
from testkit import NO_DATA, NOT_SHOWN, Samples, check_needs, data_folder, is_root, not_shown

if TYPE_CHECKING:
    from forensics import Bag, Key

settings.register_profile("default", derandomize=True, deadline=None, max_examples=40, database=None)
settings.register_profile("fuzz", deadline=None, max_examples=400, print_blob=True)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("fuzz" if "SEALBAG_FUZZ_SECONDS" in os.environ else "default")
)


@pytest.fixture
def needs() -> Callable[..., None]:
    """``needs("root", "fls")`` inside a test; ``@pytest.mark.needs(...)`` before it."""
    return check_needs


@pytest.fixture(name="not_shown")
def not_shown_fixture() -> Callable[[str], NoReturn]:
    """``not_shown("needs a loop device")`` where only trying tells."""
    return not_shown


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data (``$SEALBAG_DATA``, else ``../shared/data``)."""
    folder = data_folder()
    if folder is None:
        pytest.skip(NO_DATA + "neither ../shared/data nor $SEALBAG_DATA")
    return folder


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
    config.addinivalue_line("markers", "seeded: goes on with new seeds for SEALBAG_FUZZ_SECONDS (.ci/fuzz)")


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
    return os.environ.get("SEALBAG_STRICT") == "1" and is_root()


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
