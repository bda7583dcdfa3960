"""One Spark session for all tests of this folder, and its event log as JSON lines."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from afterglow import annotate
from afterglow.annotate import context
from afterglow.schemas.annotations import EVENT, read_events


@dataclass
class Written:
    """The lines of the event log since the test began."""

    lines: list[dict[str, Any]]

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["Event"] == kind]

    @property
    def job_starts(self) -> list[dict[str, Any]]:
        return self.all("SparkListenerJobStart")

    @property
    def jobs(self) -> list[dict[str, Any]]:
        """Properties of the jobs that carry no annotation event, and their number of `tasks`."""
        return [
            {**job["Properties"], "tasks": sum(stage["Number of Tasks"] for stage in job["Stage Infos"])}
            for job in self.job_starts
            if job["Stage IDs"]
        ]

    @property
    def task_ends(self) -> list[dict[str, Any]]:
        """TaskEnd events of the jobs above. A task of an earlier, failed job may end meanwhile."""
        stages = {stage for job in self.job_starts for stage in job["Stage IDs"]}
        return [end for end in self.all("SparkListenerTaskEnd") if end["Stage ID"] in stages]

    @property
    def events(self) -> list[dict[str, Any]]:
        texts = [job["Properties"][EVENT] for job in self.job_starts if EVENT in job["Properties"]]
        return list(read_events(texts))

    def events_of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == kind]


class Log:
    """The application's event log, from the offset at which the test began."""

    def __init__(self, context: Any, path: Path) -> None:
        self._context, self._path = context, path
        self.start()

    def start(self) -> None:
        self._begin = len(self._whole())

    def read(self) -> Written:
        return Written([json.loads(line) for line in self._whole()[self._begin :].splitlines()])

    def _whole(self) -> bytes:
        # Events reach the log through a queue; the last one is a JobEnd, which flushes.
        self._context._jsc.sc().listenerBus().waitUntilEmpty(60_000)
        return self._path.read_bytes()


@pytest.fixture(scope="package")
def _spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Path]]:
    from pyspark.sql import SparkSession

    folder = tmp_path_factory.mktemp("event_log")
    os.environ["PYSPARK_PYTHON"] = sys.executable  # workers with the same packages
    options = {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.default.parallelism": "2",
        "spark.eventLog.enabled": "true",
        "spark.eventLog.rolling.enabled": "false",
        "spark.eventLog.compress": "false",
        "spark.eventLog.dir": f"file://{folder}",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse")),
    }
    builder = SparkSession.builder.master("local[2,3]").appName("annotate")
    for key, value in options.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    name = session.sparkContext.applicationId
    path = folder / f"{name}.inprogress"
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    yield session, path
    session.stop()


@pytest.fixture
def spark(_spark: tuple[Any, Path]) -> Iterator[Any]:
    """The session. After the test annotate is off, and no thread has an open scope."""
    session, _ = _spark
    yield session
    annotate.disable()
    # After a failed fit MLlib's pool still ends what it had begun.
    deadline = time.monotonic() + 60
    while context._active and time.monotonic() < deadline:
        time.sleep(0.1)
    assert context.current_thread.scopes == [] and context.current_thread.runs == [] and context._active == []


@pytest.fixture
def log(spark: Any, _spark: tuple[Any, Path]) -> Log:
    return Log(spark.sparkContext, _spark[1])


@pytest.fixture
def local_properties(spark: Any) -> Any:
    """A function that returns this thread's current local properties."""
    return lambda: dict(spark.sparkContext._jsc.sc().getLocalProperties())


@pytest.fixture
def sized(spark: Any) -> Any:
    """The `sized` module of these tests, which needs pyspark to be imported."""
    from . import sized

    sized.truth.clear()
    sized.failing.clear()
    return sized
