"""Reading event logs, side by side in one run: the History Server, orjson alone, and `afterglow export`.

The logs are made once and kept in a folder of the user's temporary directory.
"""

import os
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from . import decompression_bomb as bomb
from . import history_server, make_log
from .process_stats import Measured, run

CACHE = Path(tempfile.gettempdir()) / f"afterglow-bench-{os.getuid()}"
AFTERGLOW = str(Path(sys.executable).parent / "afterglow")
TASKS = 200_000
PLANS = 11_200
APPLICATIONS = 2_000
BOMB_BYTES = 40 * 10**9


@dataclass
class Row:
    """One reader over one log, measured some times."""

    reader: str
    runs: list[Measured] = field(default_factory=list)

    def median(self, figure: str) -> float:
        """Of the runs."""
        return statistics.median(getattr(one, figure) for one in self.runs)


def task_log() -> Path:
    """1 GB, 200,000 tasks, most of it TaskEnd; in a folder of its own, as the History Server wants it."""
    return _made(f"tasks-{TASKS}", lambda path: make_log.write(path, TASKS))


def sql_log() -> Path:
    """1 GB, most of it plans."""
    return _made(f"sql-{PLANS}", lambda path: make_log.write(path, PLANS, "sql"))


def many_logs() -> Path:
    """A folder of small applications."""
    folder = CACHE / f"many-{APPLICATIONS}"
    if not folder.is_dir():
        making = folder.with_suffix(".making")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        text = "".join(event if isinstance(event, str) else make_log.line(event) for event in make_log.task_events(20))
        for number in range(APPLICATIONS):
            name = f"app-benchmark-{number:05}"
            (making / name).write_text(text.replace("app-benchmark-tasks", name))
        making.rename(folder)
    return folder


def _made(name: str, write: object) -> Path:
    path = CACHE / name / f"app-benchmark-{name}"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        making = CACHE / f"{name}.making"
        assert callable(write)
        write(making)
        making.rename(path)
    return path


def compare(title: str, path: Path, repeats: int) -> None:
    """Measures every reader, one after the other and again, and prints the table: medians, also of the ratios, each of
    which is of one round, since a machine's speed changes from minute to minute."""
    size = _size(path)
    export = [AFTERGLOW, "export", str(path), "--quiet", "--out"]
    rows = [
        Row("orjson on every line, nothing kept"),
        Row("afterglow export --workers 1"),
        Row("afterglow export --workers 2"),
    ]
    _warm(path)
    folder, number = (path, len(list(path.iterdir()))) if path.is_dir() else (path.parent, 1)
    server, listing = Row("History Server, first /stages"), Row("its listing before")
    with tempfile.TemporaryDirectory(dir=CACHE) as out:
        for turn in range(repeats):
            version, found, answer = history_server.first_stages(folder, number)
            listing.runs.append(found)
            server.runs.append(answer)
            rows[0].runs.append(run([sys.executable, "-m", "benchmarks.orjson_baseline", str(path)]))
            for row, workers in ((rows[1], "1"), (rows[2], "2")):
                row.runs.append(run([*export, f"{out}/{turn}-{workers}", "--workers", workers]))
    for row in rows:
        failed = [one for one in row.runs if one.exit_code]
        if failed:
            raise RuntimeError(f"{row.reader} failed: {failed[0].output[-2000:]}")
    print(f"\n## {title}: {size / 1e6:,.0f} MB, median of {repeats}, History Server {version}\n")
    print("| reader | wall s | CPU s | MB/s | peak MB | largest process MB | x History Server | x orjson |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for row in [listing, server, *rows]:
        rate = size / 1e6 / row.median("wall_s")
        ratios = [f"{_ratio(other, row):.1f}" if row is not listing else "" for other in (server, rows[0])]
        print(
            f"| {row.reader} | {row.median('wall_s'):.2f} | {row.median('cpu_s'):.2f} | {rate:,.0f} | "
            f"{row.median('peak_mb'):,.0f} | {row.median('largest_mb'):,.0f} | {' | '.join(ratios)} |",
            flush=True,
        )


def _ratio(other: Row, row: Row) -> float:
    """How many times as long the other took, in the middle one of the rounds."""
    return statistics.median(its.wall_s / own.wall_s for its, own in zip(other.runs, row.runs, strict=True))


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in _files(path))


def _files(path: Path) -> Iterable[Path]:
    return sorted(path.iterdir()) if path.is_dir() else [path]


def _warm(path: Path) -> None:
    """Reads the files once, so that no reader pays for the disk."""
    for file in _files(path):
        with file.open("rb") as raw:
            while raw.read(1 << 24):
                pass


def refuse_bomb() -> None:
    """`afterglow show` on a zstd bomb: how soon it is refused, and with how much memory."""
    path = CACHE / "bomb.zstd"
    size = bomb.write(path, BOMB_BYTES)
    found = run([AFTERGLOW, "show", str(path)])
    print(f"\n## A zstd bomb: {size:,} bytes that expand to {BOMB_BYTES / 1e9:.0f} GB of zeros\n")
    print(
        f"refused with exit code {found.exit_code} after {found.wall_s:.2f} s ({found.cpu_s:.2f} s of CPU) "
        f"and {found.peak_mb:,.0f} MB at peak: "
        f"{' '.join(found.output.split())[:300]}",
        flush=True,
    )


def main(only: str | None = None, repeats: int = 3) -> None:
    """Everything, or one of tasks, sql, many, bomb."""
    CACHE.mkdir(parents=True, exist_ok=True)
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load before: {load}")
    if only in (None, "tasks"):
        compare(f"{TASKS:,} tasks", task_log(), repeats)
    if only in (None, "sql"):
        compare("SQL plans", sql_log(), repeats)
    if only in (None, "many"):
        compare(f"{APPLICATIONS:,} small applications", many_logs(), 1)  # a minute each
    if only in (None, "bomb"):
        refuse_bomb()
