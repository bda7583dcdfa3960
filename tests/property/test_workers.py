"""A log read by several threads in parts gives the same tables, to the byte, as read by one."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from afterglow.ingest import log_parts as parts
from afterglow.ingest.errors import AfterglowError
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.options import ReadOptions
from afterglow.ingest.pipeline import export_log, read_log
from benchmarks.make_log import task_events

from .cases import rolling
from .corruptions import TEXT
from .event_strategies import small_lines
from .test_corruptions import SOAK
from .text import Text

CHANCE = st.integers(0, 2**32).map(Random)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    def set_size(size: int) -> None:
        monkeypatch.setattr(parts, "_PART_BYTES", size)

    return set_size


def parquet(path: Path, workers: int, out: Path) -> dict[str, bytes]:
    (log,) = find_logs([str(path)])
    exported = export_log(log, str(out), ReadOptions(workers=workers))
    return {file.name: file.read_bytes() for file in sorted(Path(exported.folder).iterdir())}


def test_two_threads_give_the_same_parquet_as_one(tmp_path: Path, small_parts: Callable[[int], None]) -> None:
    small_parts(50_000)
    path = tmp_path / "app-parts"
    events = [event for event in task_events(60) if isinstance(event, str)]
    text = Text.of([*(line.rstrip().encode() for line in events), *small_lines()])
    path.write_bytes(TEXT["bytes flipped"](text, Random(5)).data)
    assert path.stat().st_size > 4 * 50_000
    assert parquet(path, 2, tmp_path / "two") == parquet(path, 1, tmp_path / "one")


def test_rolled_segments_side_by_side_give_the_same_parquet(tmp_path: Path, small_parts: Callable[[int], None]) -> None:
    small_parts(1_000)
    path = rolling("small", "a segment damaged", "zstd", Random(3)).write(tmp_path / "eventlog_v2_app")
    assert parquet(path, 2, tmp_path / "two") == parquet(path, 1, tmp_path / "one")


@given(kinds=st.lists(st.sampled_from(list(TEXT)), max_size=3), rng=CHANCE, size=st.integers(200, 30_000))
@settings(max_examples=1500 if SOAK else 40, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_parts_of_a_damaged_log_give_the_same_tables(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[str], rng: Random, size: int
) -> None:
    text = Text.of(small_lines())
    for kind in kinds:
        text = TEXT[kind](text, rng)
    path = tmp_path_factory.mktemp("parts") / "app-parts"
    path.write_bytes(text.data)
    (log,) = find_logs([str(path)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "_PART_BYTES", size)
        found = [_tables(log, workers) for workers in (1, 2)]
    assert found[0] == found[1]


def _tables(log: Any, workers: int) -> Any:
    try:
        tables = read_log(log, ReadOptions(workers=workers))
    except AfterglowError as error:
        return str(error)
    return {name: table.to_pylist() for name, table in tables.tables.items()}
