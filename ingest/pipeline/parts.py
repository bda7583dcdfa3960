"""One log in parts that are read side by side: rolled segments, and byte ranges of uncompressed files."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from typing import TypeVar

from ...schemas.logs import EventLog, LogFile

_PART_BYTES = 32 * 2**20

Options = TypeVar("Options")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Part:
    """The lines of `file` that begin in [start, end); the whole file where `end` is None. `index` is the file's."""

    file: LogFile
    index: int
    start: int = 0
    end: int | None = None

    @property
    def size(self) -> int:
        """Bytes as stored."""
        return (self.file.size if self.end is None else self.end) - self.start


def in_parts(log: EventLog, workers: int, splittable: Callable[[LogFile], bool]) -> list[Part]:
    """The parts of a log, in order. With one worker there is one part per file."""
    parts: list[Part] = []
    for index, file in enumerate(log.files):
        if workers > 1 and file.size >= 2 * _PART_BYTES and splittable(file):
            bounds = list(range(0, file.size, _PART_BYTES))
            ends: list[int | None] = [*bounds[1:], None]
            parts.extend(Part(file, index, start, end) for start, end in zip(bounds, ends, strict=True))
        else:
            parts.append(Part(file, index))
    return parts


def side_by_side(
    read: Callable[..., Result],
    parts: Sequence[Part],
    options: Options,
    workers: int,
    progress: Callable[[int], None] | None,
) -> Iterator[Result]:
    """What `read(part, options, progress)` gives for every part, in order, in so many threads.

    Threads, since decompressing and the native scanner run without Python's lock; where the scanner was not built they
    gain little. The first error ends it: parts not yet begun are not read.
    """
    if workers < 2 or len(parts) < 2:
        for part in parts:
            yield read(part, options, progress)
        return
    with ThreadPoolExecutor(min(workers, len(parts)), "afterglow-read") as pool:
        try:
            futures = [pool.submit(read, part, options, progress) for part in parts]
            import_module("pyarrow.compute")  # takes a while, and assembling needs it: now this thread only waits
            for future in futures:
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)
