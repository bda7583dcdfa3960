"""Whatever is done to a log, what is intact is read, what is not is said, and nothing else is raised."""

import io
import os
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from afterglow.ingest import codecs
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.options import ReadOptions
from afterglow.ingest.pipeline import read_log

from . import cases
from .corruptions import CONTAINERS, HEADERS, HOW, TEXT, damage_beginning, stored
from .event_strategies import SAMPLES, START, small_lines
from .text import Text

SOAK = os.environ.get("AFTERGLOW_SOAK") == "1"
FEW = settings(max_examples=3000 if SOAK else 25, deadline=None, suppress_health_check=list(HealthCheck))
CHUNKS = st.lists(st.sampled_from((1, 3, 17, 61, 997, 4096, 1 << 20)), min_size=1, max_size=4)
MAGIC_BYTES = {".zstd": 4, ".gzip": 3, ".lz4": 8, ".snappy": 8, ".lzf": 2}
CHANCE = st.integers(0, 2**32).map(Random)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damage")


def check(name: str, case: cases.Case, folder: Path, sizes: list[int]) -> None:
    original = cases.standard(name, folder)
    with cases.dribbling(sizes):
        found = cases.read(case, original, folder / "case")
    assert not found.verdict.faults, (found.verdict.faults, found.error)


@given(
    kind=st.sampled_from(cases.KINDS),
    more=st.lists(st.sampled_from(list(TEXT)), max_size=3),
    container=st.sampled_from(list(CONTAINERS)),
    rng=CHANCE,
    sizes=CHUNKS,
)
@settings(FEW, max_examples=6000 if SOAK else 100)
def test_a_small_log_in_any_container_and_any_chunks(
    folder: Path, kind: str, more: list[str], container: str, rng: Random, sizes: list[int]
) -> None:
    check(cases.SMALL, cases.make(cases.SMALL, kind, rng, more, container), folder, sizes)


@given(kind=st.sampled_from(cases.KINDS), name=st.sampled_from(SAMPLES), rng=CHANCE)
@FEW
def test_a_sample(folder: Path, kind: str, name: str, rng: Random) -> None:
    check(name, cases.make(name, kind, rng), folder, [1 << 20])


@pytest.mark.parametrize("kind", cases.KINDS)
def test_every_kind_of_damage_once(folder: Path, kind: str) -> None:
    check(cases.SMALL, cases.make(cases.SMALL, kind, Random(kind)), folder, [997])


@pytest.mark.slow
@given(
    container=st.sampled_from(sorted(set(CONTAINERS) - {"plain"})), how=st.sampled_from(HOW), rng=CHANCE, sizes=CHUNKS
)
@settings(FEW, max_examples=6000 if SOAK else 150)
def test_damage_in_the_first_16_bytes(folder: Path, container: str, how: str, rng: Random, sizes: list[int]) -> None:
    file, units = stored(Text.of(small_lines()), container, rng)
    damaged = damage_beginning(how, file, units, rng)
    case = cases.Case({"app-damaged": damaged.data}, damaged.text.whole(), damaged.text.named())
    with cases.dribbling(sizes):
        found = cases.read(case, cases.standard(cases.SMALL, folder), folder / "case")
    assert not found.verdict.faults, (found.verdict.faults, found.error)
    begins_otherwise = damaged.data[: MAGIC_BYTES[file.suffix]] != file.data[: MAGIC_BYTES[file.suffix]]
    assert (
        found.tables is None or not begins_otherwise or "stream_damaged" in found.tables["issues"]["code"].to_pylist()
    )


@pytest.mark.parametrize("container", [name for name in CONTAINERS if name != "plain"])
def test_a_log_in_one_unit_survives_all_damage_to_its_header(folder: Path, tmp_path: Path, container: str) -> None:
    kind = CONTAINERS[container]
    assert kind is not None
    lines = [line for line in small_lines() if b"SparkListenerTask" not in line]
    original = b"".join(line + b"\n" for line in lines)
    data, _ = kind.write([original])
    header = HEADERS["." + kind.name]
    for size in range(1, header + 1):
        for head in (bytes(size), b"\xa5" * size, b"", data[:size][::-1]):
            if head == data[:size]:
                continue
            name, items = codecs.open_stream(io.BytesIO(head + data[size:]))
            gap, *chunks = items
            assert isinstance(gap, codecs.Gap) or size > MAGIC_BYTES["." + kind.name]
            assert name == kind.name and original in b"".join(c for c in [gap, *chunks] if isinstance(c, bytes))


@given(at=st.integers(0, sum(len(line) + 1 for line in small_lines())))
@FEW
def test_cut_at_any_byte_the_lines_before_are_read_and_the_cut_one_is_said(folder: Path, at: int) -> None:
    text = b"".join(line + b"\n" for line in small_lines())[:at]
    path = folder / "app-cut"
    path.write_bytes(text)
    (log,) = find_logs([str(path)])
    lines = text.split(b"\n")
    if not lines[0].endswith(b"}"):
        return
    found = read_log(log)
    cut = [(i["line"], i["offset"]) for i in found["issues"].to_pylist() if i["code"] == "line_cut"]
    whole = lines[-1] in (b"", *small_lines())
    assert cut == ([] if whole else [(len(lines), len(text) - len(lines[-1]))])
    ended = sum(line.startswith(b'{"Event":"SparkListenerTaskEnd"') and line.endswith(b"}}") for line in lines)
    statuses = found.tasks["status"].to_pylist()
    assert len(statuses) - statuses.count("RUNNING") == ended


def test_a_line_of_60_mb_is_read_and_passed_over_where_that_is_too_long(tmp_path: Path) -> None:
    plan = (
        '{"Event":"org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart","executionId":77,'
        f'"description":"long","details":"","physicalPlanDescription":"{"x" * 60_000_000}","time":{START}}}'
    )
    lines = [*small_lines()[:20], plan.encode(), *small_lines()[20:]]
    (tmp_path / "app-long").write_bytes(b"".join(line + b"\n" for line in lines))
    (log,) = find_logs([str(tmp_path / "app-long")])
    whole = read_log(log)
    assert whole.application["log_complete"] and 77 in whole.sql_executions["execution_id"].to_pylist()
    without = read_log(log, ReadOptions(max_line_bytes=1 << 20))
    (issue,) = [i for i in without["issues"].to_pylist() if i["code"] == "line_too_long"]
    assert (issue["line"], issue["offset"]) == (21, sum(len(line) + 1 for line in lines[:20]))
    assert without.tasks.equals(whole.tasks) and 77 not in without.sql_executions["execution_id"].to_pylist()
