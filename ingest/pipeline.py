"""The order of the stages, and nothing else: discover, codecs, decode, extract, assemble, derive, publish.

`read_log` takes one log to its tables; commands and the public API sit on top.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, cast

from ..schemas.issues import ImportIssue
from ..schemas.logs import EventLog, EventLogTables, LogFile
from ..schemas.runs import LEVELS, RunTree
from . import codecs, decode, discover, extract
from .assemble import assemble
from .errors import AfterglowError, InputError
from .export import export_tables
from .version import version

__all__ = [
    "LEVELS", "ImportOptions", "Imported", "ReadOptions", "export_log", "find_logs", "import_log", "open_writer",
    "read_log", "show_log",
]

Progress = Callable[[int], None]
"""Called with the number of stored bytes that were read since the last call."""

_LINES_PER_BATCH = 20_000
_FILE_STRIDE = 2**44  # files of a log are ordered before the offsets inside them; none is 16 TiB
_ISSUES_PER_CODE = 100
_HEAD_BYTES = 64 * 2**10


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Limits for untrusted input: a line's length, and how many times larger a file may get when decompressed."""

    max_line_bytes: int = 256 * 2**20
    max_ratio: int = 1000


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a log becomes runs: see `afterglow import --help`."""

    read: ReadOptions = field(default_factory=lambda: ReadOptions())
    task_runs: str = "all"
    max_task_runs: int = 2000
    parent_run: str | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """What importing one log came to. Where it was imported before, only `log` and `published` say more than that."""

    log: str
    published: Any
    app_id: str | None = None
    app_attempt: str | None = None
    completeness: str = "complete"
    num_issues: int = 0
    seconds: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether every event of the application was read."""
        return self.completeness == "complete"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(slots=True)
class _Issues:
    """Collects issues of one file; past a number of one kind it only counts."""

    file: str
    kept: list[ImportIssue] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)

    def report(self, issue: ImportIssue) -> None:
        self.seen[issue.code] = self.seen.get(issue.code, 0) + 1
        if self.seen[issue.code] <= _ISSUES_PER_CODE:
            self.kept.append(
                ImportIssue(issue.code, issue.message, self.file, issue.line, issue.offset, issue.count)
            )

    def all(self) -> list[ImportIssue]:
        more = {code: count - _ISSUES_PER_CODE for code, count in self.seen.items() if count > _ISSUES_PER_CODE}
        return self.kept + [
            ImportIssue(code, f"{count:,} more of this kind", self.file, count=count) for code, count in more.items()
        ]


def find_logs(paths: Iterable[str]) -> Iterator[EventLog]:
    """The event logs at these paths; files inside folders that do not begin like one are passed over.

    Raises:
        InputError: a path does not exist or cannot be listed.
    """
    named = set(paths := list(paths))
    for log in discover.discover(paths):
        if log.layout != "single" or log.name in named or _begins_like_a_log(log.files[0]):
            yield log


def _begins_like_a_log(file: LogFile) -> bool:
    try:
        with discover.open_file(file) as raw:
            _, chunks = codecs.open_stream(raw)
            head = next((chunk for chunk in chunks if isinstance(chunk, bytes)), b"")
    except (AfterglowError, OSError, codecs.LimitExceeded):
        return True  # the reader will say what is wrong with it
    return b'"Event":"' in head[:_HEAD_BYTES] or not file.size


def read_log(log: EventLog, options: ReadOptions | None = None, progress: Progress | None = None) -> EventLogTables:
    """Reads one application attempt's log into its tables.

    Raises:
        InputError: no file of it can be read, or it holds no event at all.
        AssemblyError: it holds events, but none of a Spark application.
    """
    options = options or ReadOptions()
    batches: list[Mapping[str, Any]] = []
    issues: list[ImportIssue] = []
    events = 0
    for index, file in enumerate(log.files):
        found, decoded, file_issues = _read_file(file, index, options, progress)
        batches.extend(found)
        issues.extend(file_issues)
        events += decoded
    if not events:
        raise InputError(_no_log(log, issues))
    return assemble(extract.concat(batches), log, issues)


def _no_log(log: EventLog, issues: list[ImportIssue]) -> str:
    if not log.size:
        return f"{log.name}: empty; Spark writes a log's first lines when the application starts"
    if issues and issues[0].code == "file_unreadable":
        return issues[0].message
    why = f" ({issues[0].message})" if issues else ""
    return f"{log.name}: no Spark event log: no line of it is an event{why}; check the path"


def _read_file(
    file: LogFile, index: int, options: ReadOptions, progress: Progress | None
) -> tuple[list[Mapping[str, Any]], int, list[ImportIssue]]:
    issues = _Issues(file.name)
    batches: list[Mapping[str, Any]] = []
    events = 0
    decoded = decode.Decoded()
    try:
        with discover.open_file(file) as raw:
            counted = _Counted(raw, progress) if progress else raw
            _, chunks = codecs.open_stream(counted, codecs.Limits(max_ratio=options.max_ratio))
            for lines in decode.split_lines(
                _damages(chunks), issues.report, max_line_bytes=options.max_line_bytes
            ):
                decode.decode_lines(lines, decoded, issues.report)
                if decoded.lines >= _LINES_PER_BATCH:
                    batches.append(extract.extract(decoded, decode.PATHS, index * _FILE_STRIDE))
                    events += decoded.count
                    decoded = decode.Decoded()
    except codecs.LimitExceeded as error:
        raise InputError(f"{file.name}: {error}") from error
    except (InputError, OSError) as error:
        issues.report(ImportIssue("file_unreadable", f"{error}" if file.name in str(error) else f"{file.name}: {error}"))
    batches.append(extract.extract(decoded, decode.PATHS, index * _FILE_STRIDE))
    return batches, events + decoded.count, issues.all()


def _damages(chunks: Iterable[bytes | codecs.Gap]) -> Iterator[bytes | decode.Damage]:
    for chunk in chunks:
        if isinstance(chunk, bytes):
            yield chunk
            continue
        at = f"at byte {chunk.offset:,} of the stored file"
        on = "nothing after it could be read" if chunk.resumed_at is None else f"reading went on at {chunk.resumed_at:,}"
        yield decode.Damage(
            "stream_truncated" if chunk.truncated else "stream_damaged", f"{chunk.reason} {at}; {on}"
        )


@dataclass(slots=True)
class _Counted:
    """A file that tells how much of it was read."""

    raw: Any
    progress: Progress

    def read(self, size: int = -1) -> bytes:
        data: bytes = self.raw.read(size)
        self.progress(len(data))
        return data


def export_log(
    log: EventLog, out: str, options: ReadOptions | None = None, progress: Progress | None = None
) -> tuple[EventLogTables, str]:
    """Reads a log and writes its tables as Parquet; the tables and the folder.

    Raises:
        InputError, AssemblyError: as `read_log`; or the folder cannot be written.
    """
    tables = read_log(log, options, progress)
    try:
        return tables, export_tables(tables, out)
    except OSError as error:
        raise InputError(f"{out}: the tables cannot be written: {error}") from error


def show_log(log: EventLog, options: ReadOptions, task_runs: str) -> tuple[EventLogTables, RunTree]:
    """Reads a log and derives its run tree, without MLflow.

    Raises:
        InputError, AssemblyError: as `read_log`.
    """
    from .derive import TaskRuns, derive

    tables = read_log(log, options)
    return tables, derive(tables, TaskRuns(cast(Any, task_runs), 2**31))


def open_writer(tracking_uri: str | None = None, experiment: str | None = None) -> Any:
    """A writer to one experiment of one tracking store; see publish.open_writer."""
    from .publish import open_writer

    return open_writer(tracking_uri, experiment)


def import_log(
    log: EventLog, writer: Any, options: ImportOptions | None = None, read: Progress | None = None,
    wrote: Callable[[int, int], None] | None = None,
) -> Imported:
    """Reads one log and writes its run tree, unless exactly this was written before.

    Raises:
        InputError, AssemblyError: as `read_log`.
        PublishError: MLflow refused or could not be reached; the next import goes on from there.
    """
    from .derive import TaskRuns, derive
    from .publish import fingerprint, publish

    options = options or ImportOptions()
    started = time.monotonic()
    identity = fingerprint(log, version(), f"{options.task_runs} {options.max_task_runs} {options.parent_run}")
    before = writer.find(identity)
    if before is not None:
        return Imported(log.name, before)
    tables = read_log(log, options.read, read)
    tree = derive(tables, TaskRuns(cast(Any, options.task_runs), options.max_task_runs))
    published = publish(tree, tables, writer, identity, version(), options.parent_run, wrote)
    app = tables.application
    return Imported(log.name, published, app["app_id"], app["app_attempt"], app["completeness"], app["num_issues"],
                    time.monotonic() - started)
