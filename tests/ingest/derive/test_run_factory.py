"""The status of a run whose end is not in the log."""

import os
import shutil
import time
from pathlib import Path

from afterglow.ingest.derive import derive
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.pipeline import read_view
from tests.conftest import sample_log


def statuses(path: Path) -> dict[str, set[str]]:
    """Level -> the statuses of its runs that are not finished."""
    (log,) = find_logs([str(path)])
    found: dict[str, set[str]] = {}
    for run in derive(read_view(log)).all():
        if run.status != "FINISHED":
            found.setdefault(run.level, set()).add(run.status)
    return found


def test_what_a_killed_driver_left_open_was_killed_at_every_level_and_did_not_fail(tmp_path: Path) -> None:
    path = Path(shutil.copy(sample_log("killed-driver"), tmp_path))
    growing = statuses(path)
    assert len(growing) >= 4 and all(found == {"RUNNING"} for found in growing.values())
    os.utime(path, (time.time() - 25 * 3600,) * 2)
    assert statuses(path) == {level: {"KILLED"} for level in growing}
