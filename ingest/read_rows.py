"""Read a log, all of its parts, into rows by event table."""

import gc
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from typing import Protocol

import pyarrow as pa

from ..schemas.issues import ImportIssue
from ..schemas.logs import EventLog
from . import decode, extract
from .errors import InputError
from .log_parts import Part, PartRead, read_part, split_log
from .options import Progress, ReadOptions

_LARGE_LOG_BYTES = 64 * 2**20


class ReadParts(Protocol):
    """Reads the parts of a log and yields them in order."""

    def __call__(self, parts: Sequence[Part], options: ReadOptions, progress: Progress | None) -> Iterator[PartRead]:
        """See the class."""
        ...


def read_rows(
    log: EventLog, options: ReadOptions, progress: Progress | None, read_parts: ReadParts
) -> tuple[dict[str, pa.Table], list[ImportIssue]]:
    """Reads a log: its rows by event table, and the issues with their line numbers in the file.

    Raises:
        InputError: no file of it can be read, or it holds no event.
    """
    parts = split_log(log, options.workers)
    batches: list[Mapping[str, pa.RecordBatch]] = []
    issues: list[ImportIssue] = []
    log_starts: dict[int, extract.LogStart] = {}
    events = lines = 0
    for part, read in zip(parts, read_parts(parts, options, progress), strict=True):
        lines = 0 if part.start == 0 else lines
        for index, start in read.log_starts.items():
            log_starts[len(batches) + index] = start._replace(line=start.line + lines)
        batches.extend(read.batches)
        read.batches.clear()
        issues.extend(replace(i, line=None if i.line is None else i.line + lines) for i in read.issues)
        lines += read.lines
        events += read.events
    if not events:
        raise InputError(_no_events(log, issues))
    kept, others = extract.first_application(batches, log_starts)
    rows = extract.concat(kept)
    rows["plan_nodes"], left_out = extract.plan_nodes(rows, decode.decode_measured_plan)
    del rows["sql_plans"]
    return rows, [*issues, *others, *left_out, *_scanner_missing(log)]


def read_in_threads(parts: Sequence[Part], options: ReadOptions, progress: Progress | None) -> Iterator[PartRead]:
    """Reads parts in `options.workers` threads.

    Decompression and the native scanner release Python's lock; without the native scanner threads gain little. The
    first error ends it, and parts that have not begun are not read.
    """
    if options.workers < 2 or len(parts) < 2:
        for part in parts:
            yield read_part(part, options, progress)
        return
    with ThreadPoolExecutor(min(options.workers, len(parts)), "afterglow-read") as pool:
        try:
            futures = [pool.submit(read_part, part, options, progress) for part in parts]
            import_module("pyarrow.compute")  # slow to import and needed by assemble; this thread is idle now
            for future in futures:
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def paused_collector() -> Iterator[None]:
    """Pauses Python's cycle collector. Reading makes millions of tuples and no cycles; it would take a quarter of the
    time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _no_events(log: EventLog, issues: list[ImportIssue]) -> str:
    if not log.size:
        return f"{log.name}: the file is empty; Spark writes a log's first lines when the application starts"
    if issues and issues[0].code == "file_unreadable":
        return issues[0].message
    reason = f" ({issues[0].message})" if issues else ""
    return f"{log.name}: no Spark event log, no line of it is an event{reason}; check the path"


def _scanner_missing(log: EventLog) -> list[ImportIssue]:
    """A note on a large log if the native scanner was not built."""
    if decode.BUILT or log.size < _LARGE_LOG_BYTES:
        return []
    message = "the native scanner was not built: install a C compiler and reinstall spark-afterglow to read faster"
    return [ImportIssue("native_scanner_missing", message)]
