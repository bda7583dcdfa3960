"""What the damages found, each pinned on its own."""

from pathlib import Path
from random import Random
from typing import Any

import pytest

from afterglow.ingest import log_parts as parts
from afterglow.ingest.errors import InputError
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.options import ReadOptions
from afterglow.ingest.pipeline import read_log
from afterglow.schemas import spark

from ..ingest.codecs.codec_encoders import zstd_frame
from .corruptions import CONTAINERS, stored
from .event_strategies import small_lines
from .text import Text


def read(path: Path, data: bytes, workers: int = 1) -> Any:
    path.write_bytes(data)
    (log,) = find_logs([str(path)])
    return read_log(log, ReadOptions(workers=workers))


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


def test_logs_with_damaged_beginnings_are_found_among_other_files(tmp_path: Path) -> None:
    for name in CONTAINERS:
        lines = [line.replace(b"app-small", b"app-" + name.encode().replace(b" ", b"-")) for line in small_lines()]
        file, _ = stored(Text.of(lines), name, Random(5))
        (tmp_path / name).write_bytes(b"\x00\x00" + file.data[2:])
    (tmp_path / "notes").write_bytes(Random(1).randbytes(200_000))
    (tmp_path / "hole").write_bytes(bytes(200_000))
    assert {Path(log.name).name for log in find_logs([str(tmp_path)])} == set(CONTAINERS)


@pytest.mark.parametrize("lost", [9, 10])
def test_a_first_line_without_its_frame_s_header_is_read_and_so_are_the_frames(tmp_path: Path, lost: int) -> None:
    """Spark's zstd stores the first line as it is, behind nine bytes: without them the file begins as a plain one."""
    lines = small_lines()
    first_line = lines[0] + b"\n"
    block = (len(first_line) << 3 | 1).to_bytes(3, "little") + first_line
    frame = b"\x28\xb5\x2f\xfd\x00\x48" + block
    data = frame + zstd_frame(joined(list(lines[1:])))
    assert read(tmp_path / "app-whole", data)["issues"].num_rows == 0
    for head in (b"", bytes(lost)):
        found = read(tmp_path / "app-head", head + data[lost:])
        assert found.tasks.num_rows == sum(b'"SparkListenerTaskEnd"' in line[:40] for line in lines)
        assert found.application["spark_version"] == ("4.0.0" if lost == 9 else None)
        assert "stream_damaged" in found["issues"]["code"].to_pylist()


def test_what_is_no_log_is_refused_with_what_stands_in_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"app-noise: no Spark event log.*a5 a5 a5.*neither text nor a known compr"):
        read(tmp_path / "app-noise", b"\xa5" * 3000)


def test_the_end_of_a_sql_execution_is_enough_for_a_row(tmp_path: Path) -> None:
    lines = [line for line in small_lines() if spark.SQL_START.encode() not in line]
    rows = read(tmp_path / "app-sql", joined(lines)).sql_executions.to_pylist()
    assert [(row["execution_id"], row["status"], row["submission_time_ms"]) for row in rows] == [
        (0, "COMPLETED", None),
        (1, "COMPLETED", None),
        (2, "COMPLETED", None),
    ]
