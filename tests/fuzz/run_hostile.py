"""Reads every hostile log in a process of its own and prints what it cost.

    python -m tests.fuzz.run_hostile [--size 2000000] [--only NAME]

Each case is read at a quarter of the size and at the size, up to the run tree. A case fails if it raises anything but
an AfterglowError, needs more than 1 GB, takes more than linear time, or drops a value without counting it in an issue.
The exit code is 1 if any case fails.
"""

from __future__ import annotations

import argparse
import os
import pickle
import resource
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from afterglow.ingest.application_view import ApplicationView
from afterglow.ingest.derive import TaskRuns, derive
from afterglow.ingest.errors import AfterglowError
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.options import ReadOptions
from afterglow.ingest.pipeline import read_log

from ..property.event_strategies import small_lines
from .hostile_logs import LARGE, HostileLog, corpus, giants

MOST_BYTES = 10**9
# A case of four times the size may take four times as long, half more for a busy machine, and what starting costs.
_LINEAR, _START_S = 6.0, 1.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What reading one case took: CPU seconds, peak bytes, values counted in issues; and its error or traceback."""

    seconds: float
    peak_bytes: int
    counted: int
    error: str = ""
    traceback: str = ""


def warm(folder: Path) -> None:
    """Imports everything before the first fork."""
    path = folder / "app-warm"
    path.write_bytes(b"\n".join(small_lines()) + b"\n")
    _read(path)


def measure(case: HostileLog, size: int, folder: Path) -> Cost:
    """Reads a case in a child process."""
    path = folder / "app-hostile"
    path.write_bytes(case.make(size))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        with os.fdopen(writing, "wb") as out:
            pickle.dump(_read(path), out)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        data = answer.read()
    _, status, usage = os.wait4(child, 0)
    counted, error, trace = pickle.loads(data) if data else (0, "", f"the process died with status {status}")
    peak = usage.ru_maxrss if usage.ru_maxrss > before else before
    return Cost(usage.ru_utime + usage.ru_stime, peak * 1024, counted, error, trace)


def _read(path: Path) -> tuple[int, str, str]:
    try:
        counted = 0
        for log in find_logs([str(path)]):
            tables = read_log(log, ReadOptions())
            counted += sum(issue["count"] for issue in tables["issues"].to_pylist())
            derive(ApplicationView(tables), TaskRuns("all", 2000))
    except AfterglowError as error:
        return 0, str(error), "" if "\n" not in str(error) else f"a message of several lines: {error}"
    except BaseException:
        return 0, "", traceback.format_exc()
    return counted, "", ""


def faults(case: HostileLog, small: Cost | None, large: Cost) -> list[str]:
    """What is wrong with a case."""
    found = []
    if large.traceback or (small is not None and small.traceback):
        found.append("traceback")
    if large.peak_bytes > MOST_BYTES:
        found.append("above 1 GB")
    if small is not None and large.seconds > _LINEAR * small.seconds + _START_S:
        found.append("slower than linear")
    if not large.error and large.counted < case.dropped:
        found.append("silent drops")
    return found


KINDS = ("traceback", "above 1 GB", "slower than linear", "silent drops")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs all cases; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=LARGE)
    parser.add_argument("--only", default="", help="only cases whose name holds this")
    given = parser.parse_args(arguments)
    cases = [case for case in [*corpus(), *giants()] if given.only in case.name]
    wrong: Counter[str] = Counter()
    costs: list[tuple[Cost, str]] = []
    refused = 0
    with tempfile.TemporaryDirectory() as folder:
        warm(Path(folder))
        for case in cases:
            small = measure(case, given.size // 4, Path(folder)) if case.sized else None
            large = measure(case, given.size, Path(folder))
            refused += bool(large.error)
            costs.append((large, case.name))
            for kind in faults(case, small, large):
                wrong[kind] += 1
                before = f"{small.seconds:.2f} s, then " if small else ""
                print(f"{kind}: {case.name}: {before}{large.seconds:.2f} s, {large.peak_bytes / 1e6:.0f} MB")
                if kind == "traceback":
                    print((large.traceback or (small.traceback if small else ""))[-1500:])
    print(f"{len(cases):,} hostile logs and containers of {given.size:,} bytes, {refused:,} refused with a message")
    print(", ".join(f"{kind} {wrong[kind]:,}" for kind in KINDS))
    slowest, name = max(costs, key=lambda cost: cost[0].seconds)
    print(f"slowest: {name}, {slowest.seconds:.1f} s")
    largest, name = max(costs, key=lambda cost: cost[0].peak_bytes)
    print(f"largest: {name}, {largest.peak_bytes / 1e6:.0f} MB")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
