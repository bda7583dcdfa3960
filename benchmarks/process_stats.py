"""A program from start to end: wall and CPU seconds, and the memory of it and all its children while it ran."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Measured:
    """Seconds and megabytes (10^6 bytes). `peak_mb` is the sum over the processes, `largest_mb` the largest process."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_mb: float = 0.0
    largest_mb: float = 0.0
    exit_code: int = 0
    output: str = ""


def process_tree(root: int) -> list[int]:
    """The process and its descendants."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path(f"/proc/{entry}/stat").read_text()
            except OSError:
                continue
            children.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry))
    found, pending = [], [root]
    while pending:
        found.append(process := pending.pop())
        pending.extend(children.get(process, ()))
    return found


def _resident(process: int) -> float:
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE / 1e6
    except (OSError, IndexError):
        return 0.0


def cpu_seconds(process: int) -> float:
    """CPU seconds that a process has used so far, with its children that have ended."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


@contextmanager
def watching(process: int, into: Measured) -> Iterator[None]:
    """Samples the memory of a process tree, 50 times a second, until the block is left."""

    def sample() -> None:
        sizes = [_resident(one) for one in process_tree(process)]
        into.peak_mb = max(into.peak_mb, sum(sizes))
        into.largest_mb = max(into.largest_mb, *sizes)

    with sampling(0.02, sample):
        yield


@contextmanager
def sampling(every_s: float, sample: Callable[[], None]) -> Iterator[None]:
    """Calls a function in another thread, every so many seconds, until the block is left."""
    stop = threading.Event()

    def repeat() -> None:
        while not stop.wait(every_s):
            sample()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def run(command: Sequence[str], before: Callable[[], None] | None = None) -> Measured:
    """Runs a program to its end, its children with it."""
    if before is not None:
        before()
    found = Measured()
    used = os.times()
    started = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        with watching(process.pid, found):
            found.output, _ = process.communicate()
        found.wall_s = time.monotonic() - started
        found.exit_code = process.returncode
    now = os.times()
    found.cpu_s = now.children_user + now.children_system - used.children_user - used.children_system
    return found
