"""Objects with what a SparkSession offers to find its log, without Spark."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.conftest import sample_log


def classic(settings: Mapping[str, str], written_to: str | None = None) -> Any:
    """A session with a SparkContext; `written_to` is the path that its event logger reports."""
    path = SimpleNamespace(logPath=lambda: written_to)
    logger = SimpleNamespace(get=lambda: SimpleNamespace(logWriter=lambda: path))
    jvm = SimpleNamespace(sc=lambda: SimpleNamespace(eventLogger=lambda: logger))
    conf = SimpleNamespace(getAll=lambda: list(settings.items()))
    return SimpleNamespace(_sc=SimpleNamespace(getConf=lambda: conf, _jsc=jvm if written_to else None))


def connect(settings: Mapping[str, str]) -> Any:
    """A session of Spark Connect."""
    return SimpleNamespace(conf=SimpleNamespace(get=lambda name, default: settings.get(name, default)))


def settings(folder: Path | str, app_id: str) -> dict[str, str]:
    """Those of a session that writes its log into a folder."""
    return {"spark.eventLog.enabled": "true", "spark.eventLog.dir": str(folder), "spark.app.id": app_id}


def running(name: str, folder: Path) -> str:
    """Copies a sample's log under the name of one that Spark still writes. Returns the application's id."""
    log = sample_log(name)
    folder.mkdir(exist_ok=True)
    shutil.copy(log, folder / f"{log.name}.inprogress")
    return log.name.partition(".")[0]
