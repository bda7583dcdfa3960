"""One log in parts that are read side by side: rolled segments, and byte ranges of uncompressed files."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from ...schemas.logs import EventLog, LogFile

_PART_BYTES = 32 * 2**20
_WORTH_A_PROCESS_BYTES = 48 * 2**20

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
    """What `read(part, options)` gives for every part, in order, in this process and `workers` - 1 others.

    This process works from the front and the others from the back until they meet, so a process that is slow to start
    costs nothing. Where it is not worth a process, this one reads all.
    """
    if workers < 2 or len(parts) < 2 or sum(part.size for part in parts) < _WORTH_A_PROCESS_BYTES:
        for part in parts:
            yield read(part, options, progress)
        return
    # spawn: a fork of a process in which Arrow's threads run may hang
    with ProcessPoolExecutor(min(workers, len(parts)) - 1, multiprocessing.get_context("spawn")) as pool:
        elsewhere = {part: pool.submit(read, part, options) for part in reversed(parts)}
        try:
            for part in parts:
                future: Any = elsewhere[part]
                if future.cancel():
                    yield read(part, options, progress)
                else:
                    result: Result = future.result()
                    if progress is not None:
                        progress(part.size)
                    yield result
        finally:
            pool.shutdown(cancel_futures=True)
