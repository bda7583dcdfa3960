"""What the damages found, each pinned on its own."""

from pathlib import Path
from random import Random
from typing import Any

import pytest

from afterglow.ingest import pipeline
from afterglow.ingest.pipeline import parts
from afterglow.schemas import spark

from .damage import CONTAINERS, stored
from .material import small_lines
from .text import Text


def read(path: Path, data: bytes, workers: int = 1) -> Any:
    path.write_bytes(data)
    (log,) = pipeline.find_logs([str(path)])
    return pipeline.read_log(log, pipeline.ReadOptions(workers=workers))


def joined(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def test_a_torn_event_that_is_not_read_does_not_swallow_the_next_one(tmp_path: Path) -> None:
    lines = list(small_lines())
    at = next(n for n, line in enumerate(lines) if b'"SparkListenerJobStart"' in line)
    lines[at] = b'{"Event":"SparkListenerOfTheFuture","x":{"y":' + lines[at]
    found = read(tmp_path / "app-torn", joined(lines))
    assert found.jobs["job_id"].to_pylist() == [0, 1, 2]
    assert {(i["code"], i["line"]) for i in found["issues"].to_pylist()} == {
        ("line_broken", at + 1),
        ("line_repaired", at + 1),
    }


def test_a_last_line_without_newline_is_read_once_by_one_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "_PART_BYTES", 50)
    data = joined(list(small_lines()))[:-10]
    found = [read(tmp_path / "app-open", data, workers)["issues"].to_pylist() for workers in (1, 2)]
    assert found[0] == found[1]
    assert [issue["code"] for issue in found[0]].count("line_cut") == 1


@pytest.mark.parametrize("container", [name for name in CONTAINERS if name != "plain"])
def test_a_damaged_beginning_costs_what_is_damaged(tmp_path: Path, container: str) -> None:
    file, units = stored(Text.of(small_lines()), container, Random(5))
    data = b"\x07" + file.data[1:]
    found = read(tmp_path / "app-head", data)
    after = small_lines()[len(file.text.data[: units[0][3]].split(b"\n")) :]
    assert found.tasks.num_rows >= sum(b'"SparkListenerTaskEnd"' in line[:40] for line in after) > 0
    assert "stream_damaged" in found["issues"]["code"].to_pylist()


def test_the_end_of_a_sql_execution_is_enough_for_a_row(tmp_path: Path) -> None:
    lines = [line for line in small_lines() if spark.SQL_START.encode() not in line]
    rows = read(tmp_path / "app-sql", joined(lines)).sql_executions.to_pylist()
    assert [(row["execution_id"], row["status"], row["submission_time_ms"]) for row in rows] == [
        (0, "COMPLETED", None),
        (1, "COMPLETED", None),
        (2, "COMPLETED", None),
    ]
