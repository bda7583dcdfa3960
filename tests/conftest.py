"""Fixtures and rules for all tests.

- A missing sample is a failure.
- A test that starts Spark, a server, a database or a browser is slow: `make test` leaves it to `make test-all`.
- A test whose program is not installed is named in the last lines as not run. With AFTERGLOW_EVERYTHING=1 it fails.
"""

from __future__ import annotations  # annotate's tests run on Python 3.8

import contextlib
import functools
import importlib.util
import os
import shutil
import socket
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.cluster import Cluster

with contextlib.suppress(ImportError):  # annotate's tests run without hypothesis
    from hypothesis import settings

    # A commit passes or fails alike each time. `make soak` looks for new examples.
    settings.register_profile("tests", derandomize=os.environ.get("AFTERGLOW_SOAK") != "1", database=None)
    settings.load_profile("tests")
SAMPLES = Path(__file__).parent.parent / "sample_logs"
# The log of a driver that was killed yesterday counts as abandoned, so an old checkout would read differently.
for _file in (SAMPLES / "killed-driver").iterdir():
    with contextlib.suppress(OSError):
        os.utime(_file)
EVERYTHING = os.environ.get("AFTERGLOW_EVERYTHING") == "1"


@pytest.fixture
def caught() -> Iterator[list[warnings.WarningMessage]]:
    """The warnings of annotate, each of which a process has once."""
    from afterglow.annotate import never_raise

    never_raise.reset_warnings()
    with warnings.catch_warnings(record=True) as records:
        warnings.simplefilter("always")
        yield records
    never_raise.reset_warnings()


def _native() -> bool:
    from afterglow.ingest.decode.native.scanner import NATIVE  # not above: annotate is tested without what ingest needs

    return NATIVE


def _database(name: str) -> bool:
    from tests.ingest.publish import stores

    return stores.has_postgres() if name == "postgres" else stores.has_mariadb()


def _direct() -> bool:
    from afterglow.ingest.publish.mlflow_internals import SCHEMA_HEADS, installed_version

    return installed_version() in SCHEMA_HEADS


def _mlflow(*oldest: int) -> bool:
    import mlflow

    return tuple(map(int, mlflow.__version__.split(".")[:2])) >= oldest


def _traces() -> bool:
    try:
        from mlflow.tracing.client import TracingClient
    except ImportError:  # MLflow 2.11
        return False
    return hasattr(TracingClient, "log_spans")


def _studies() -> bool:
    return all(importlib.util.find_spec(name) is not None for name in ("optuna", "mlflow.optuna"))


_NEEDS: dict[str, tuple[str, Callable[[], bool]]] = {
    "spark": ("java", lambda: shutil.which("java") is not None),
    "native": ("a C compiler and Python's headers at installation, for the native scanner", _native),
    "node": ("node", lambda: shutil.which("node") is not None),
    "compiler": ("a C compiler, cc", lambda: shutil.which("cc") is not None),
    "linux": ("Linux's TCP_QUICKACK", lambda: hasattr(socket, "TCP_QUICKACK")),
    "browser": ("chromium", lambda: shutil.which("chromium") is not None),
    "direct": ("an MLflow whose tables the writer sql knows", functools.lru_cache(None)(_direct)),
    "workspaces": ("MLflow 3.10", lambda: _mlflow(3, 10)),
    "studies": ("optuna, and an MLflow with mlflow.optuna", _studies),
    "traces": ("an MLflow whose client writes spans, newer than 3.0", _traces),
    "postgres": ("PostgreSQL's initdb and postgres", lambda: _database("postgres")),
    "mariadb": ("MariaDB's mariadbd and mariadb-install-db", lambda: _database("mariadb")),
}
_SLOW = ("spark", "server", "browser", "postgres", "mariadb")
_NOT_RUN = "not run: needs "


def sample_names() -> list[str]:
    """The folders of sample_logs that hold a log."""
    return sorted(path.name for path in SAMPLES.iterdir() if path.is_dir() and path.name not in ("jobs", "__pycache__"))


def sample_log(name: str) -> Path:
    """A sample's log: the one entry of its folder that is not truth.json."""
    (found,) = [
        path for path in (SAMPLES / name).iterdir() if path.name != "truth.json" and not path.name.startswith(".")
    ]
    return found


@pytest.fixture(params=sample_names())
def sample(request: pytest.FixtureRequest) -> Path:
    """Every sample's log, one after the other."""
    return sample_log(request.param)


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test writes into the repository or to a tracking server of the machine."""
    for name in list(os.environ):
        if name.startswith("MLFLOW_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-configuration"))
    monkeypatch.setenv("AFTERGLOW_RETRY_S", "2")  # a test's failing server does not come back
    monkeypatch.chdir(tmp_path)
    yield


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A Spark standalone cluster: a master and two workers of one core; see tests/cluster.py."""
    from tests.cluster import standalone

    with standalone(workers=2) as started:
        yield started


@pytest.hookimpl(tryfirst=True)  # before -m selects by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow, and skip what cannot run here unless everything has to run."""
    for item in items:
        if any(item.get_closest_marker(marker) for marker in _SLOW):
            item.add_marker(pytest.mark.slow)
        for marker, (needed, there) in _NEEDS.items():
            if item.get_closest_marker(marker) and not EVERYTHING and not there():
                item.add_marker(pytest.mark.skip(reason=f"{_NOT_RUN}{needed}"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Name the tests that could not run here, one line for each missing program."""
    missing = defaultdict(list)
    for report in terminalreporter.stats.get("skipped", []):
        _, _, reason = report.longrepr if isinstance(report.longrepr, (list, tuple)) else ("", 0, "")
        if _NOT_RUN in reason:
            missing[reason.split(_NOT_RUN)[1]].append(report.nodeid)
    for needed, tests in missing.items():
        terminalreporter.write_line(f"not run, because it needs {needed}: {len(tests)} tests")
        for test in tests:
            terminalreporter.write_line(f"  {test}")
