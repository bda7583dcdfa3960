"""What every test may use. A missing sample fails; a test whose program is missing is named at the end as not run."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cluster import Cluster

SAMPLES = Path(__file__).parent.parent / "sample_logs"
# In a checkout of yesterday its log would be one that nobody writes any more.
for _file in (SAMPLES / "killed-driver").iterdir():
    with contextlib.suppress(OSError):
        os.utime(_file)
EVERYTHING = os.environ.get("AFTERGLOW_EVERYTHING") == "1"


def _native() -> bool:
    from afterglow.ingest.decode.native.scanner import NATIVE  # not above: annotate is tested without what ingest needs

    return NATIVE


def _database(name: str) -> bool:
    from tests.ingest.publish import stores

    return stores.has_postgres() if name == "postgres" else stores.has_mariadb()


_NEEDS: dict[str, tuple[str, Callable[[], bool]]] = {
    "spark": ("java", lambda: shutil.which("java") is not None),
    "native": ("a C compiler and Python's headers at installation, for the native scanner", _native),
    "browser": ("chromium", lambda: shutil.which("chromium") is not None),
    "postgres": ("PostgreSQL's initdb and postgres", lambda: _database("postgres")),
    "mariadb": ("MariaDB's mariadbd and mariadb-install-db", lambda: _database("mariadb")),
}


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
    monkeypatch.setenv("AFTERGLOW_RETRY_S", "2")  # a test's failing server does not come back
    monkeypatch.chdir(tmp_path)
    yield


@pytest.fixture(scope="session")
def cluster() -> "Iterator[Cluster]":
    """A Spark standalone cluster: a master and two workers of one core; see tests/cluster.py."""
    from tests.cluster import standalone

    with standalone(workers=2) as started:
        yield started


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Takes out what cannot run here, unless nothing may be left out."""
    for item in items:
        for marker, (needed, there) in _NEEDS.items():
            if item.get_closest_marker(marker) and not EVERYTHING and not there():
                item.add_marker(pytest.mark.skip(reason=f"not run: needs {needed}"))
