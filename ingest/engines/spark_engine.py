"""Import many logs on a Spark cluster.

The driver asks MLflow which logs were imported before; executors read the others, one log per task. Executors also
publish if every machine can reach the store, which is a tracking server, or a database server with --writer sql.
Otherwise they send prepared imports and the driver publishes. A very large log is read by many tasks and assembled by
the driver. Spark repeats the task of a lost executor; what that task had published is completed, not duplicated.
"""

import os
import pickle
import sys
import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, TypeVar

from ...schemas.logs import EventLog
from ..errors import AfterglowError, InputError
from ..filesystems import is_local, local_path
from ..log_parts import Part, PartRead, read_part, split_log
from ..options import ImportOptions, Progress, ReadOptions
from ..pipeline import find_imported, import_log, prepare_import, read_for_import
from ..prepared_import import PreparedImport
from ..publish_imports import Waiting, publish_in_order
from ..results import Imported
from ..version import version
from .interface import Order, catching, look_up_together

if TYPE_CHECKING:
    from pyspark import SparkContext

    from ..publish import Experiments

Item = TypeVar("Item")
_Wave = list[tuple[EventLog, Imported | PreparedImport | AfterglowError | None]]

_HUGE_BYTES = 512 * 2**20  # stored; as one task it would keep one core busy for many seconds after all others are done
# What the driver may hold of tables at a time: they are about as large as a compressed log, a tenth of a plain one.
_WAVE_BYTES = 256 * 2**20
_WAVE_LOGS = 512
_PARTS_PER_WAVE = 32
_WAVES_AT_ONCE = 2  # the next wave is read while the driver publishes the last one
_ENVIRONMENT = ("MLFLOW_", "DATABRICKS_", "AFTERGLOW_", "AWS_", "GOOGLE_", "AZURE_")


@contextmanager
def open_spark(master: str | None, settings: Mapping[str, str]) -> Iterator["SparkEngine"]:
    """Starts a Spark application for the duration of the context, or uses the SparkContext of this process.

    Without `master`, spark-submit or Spark's own settings decide. A SparkContext that existed before is not stopped.

    Raises:
        InputError: pyspark is missing; Spark does not start; this process has a SparkContext on another master; or the
            executors lack this version of Afterglow.
    """
    try:
        from pyspark import SparkConf, SparkContext
    except ImportError as error:
        raise InputError("--engine spark needs pyspark: pip install 'spark-afterglow[spark]'") from error
    existing = SparkContext._active_spark_context
    if existing is not None and master not in (None, existing.master):
        raise InputError(f"this process already has a SparkContext on {existing.master}; stop it or omit --master")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    conf = SparkConf().setAppName("afterglow backfill").set("spark.driver.maxResultSize", "0")
    conf.set("spark.ui.showConsoleProgress", "false")
    for key, value in settings.items():
        conf.set(key, value)
    if master is not None:
        conf.setMaster(master)
    try:
        context = SparkContext.getOrCreate(conf)
    except Exception as error:
        raise InputError(f"Spark does not start: {_first_line(error)}; check --master and --spark-conf") from error
    try:
        context.setLogLevel("ERROR")
        _same_version(context)
        yield SparkEngine(context)
    finally:
        if existing is None:
            context.stop()


def _same_version(context: "SparkContext") -> None:
    advice = (
        "install it there, or ship an environment with --spark-conf spark.archives=env.tar.gz#env and PYSPARK_PYTHON="
        "./env/bin/python"
    )
    try:
        found = context.parallelize([0], 1).map(_version_there).collect()[0]
    except Exception as error:
        raise InputError(f"the executors cannot import afterglow ({_first_line(error)}); {advice}") from error
    if found != version():
        raise InputError(f"the executors have afterglow {found}, the driver has {version()}; {advice}")


def _version_there(_: int) -> str:
    return version()


@dataclass(frozen=True, slots=True)
class SparkEngine:
    """Imports logs with the executors of a Spark application."""

    context: "SparkContext"
    order: Order = "biggest"
    _group: str = field(default_factory=lambda: f"afterglow-backfill-{uuid.uuid4()}")
    _stopped: threading.Event = field(default_factory=threading.Event)

    def import_logs(
        self,
        logs: Sequence[EventLog],
        experiments: "Experiments | None",
        options: ImportOptions,
        read: Progress | None = None,
    ) -> Generator[Imported | AfterglowError, None, None]:
        """See Engine. Logs are read in waves, each a Spark job, two at a time; closing the generator cancels them."""
        self._stopped.clear()
        environment = {key: value for key, value in os.environ.items() if key.startswith(_ENVIRONMENT)}
        reading = replace(options, read=replace(options.read, workers=1))
        if not options.runs or experiments is None:
            work = partial(_import_there, reading, None, environment)
        elif experiments.reached_from_everywhere:
            work = partial(_import_there, reading, experiments.settings, environment)
        else:
            work = partial(_prepare_there, reading, environment)
        together = look_up_together(experiments, logs)
        # this thread asks MLflow as the waves are taken; the others only wait for Spark
        known = ({log: catching(find_imported, log, experiments, options) for log in wave} for wave in _waves(logs))
        waves = (partial(self._wave, work, before) for before in known)
        with ThreadPoolExecutor(_WAVES_AT_ONCE, "afterglow-wave") as pool, self._cancelled_if_closed():
            yield from publish_in_order(self._prepared(_ahead(pool, waves), options), experiments, options, together)

    def _prepared(
        self, waves: Iterator[_Wave], options: ImportOptions
    ) -> Iterator[Waiting | Imported | AfterglowError]:
        for wave in waves:
            for log, outcome in wave:
                started = time.monotonic()
                if outcome is None:
                    outcome = catching(self._prepare_in_parts, log, options)
                yield Waiting(outcome, started) if isinstance(outcome, PreparedImport) else outcome

    @contextmanager
    def _cancelled_if_closed(self) -> Iterator[None]:
        try:
            yield
        except BaseException:  # GeneratorExit too: a backfill that is stopped closes the generator
            self._stopped.set()
            self.context.cancelJobGroup(self._group)
            raise

    def _wave(
        self,
        work: Callable[[EventLog], bytes],
        known: Mapping[EventLog, Imported | AfterglowError | None],
    ) -> _Wave:
        """The outcome of each log; None for a log that is to be read in parts."""
        todo = [log for log, outcome in known.items() if outcome is None and not _has_many_parts(log)]
        done = dict(zip(todo, self._each(work, [_absolute(log) for log in todo]), strict=True))
        return [(log, done.get(log, outcome)) for log, outcome in known.items()]

    def _each(
        self, work: Callable[[EventLog], bytes], logs: Sequence[EventLog]
    ) -> list[Imported | PreparedImport | AfterglowError]:
        try:
            return [pickle.loads(outcome) for outcome in self._map(work, logs)]
        except Exception as error:  # of py4j, pyspark or the executors: a job fails as a whole
            if self._stopped.is_set():
                raise
            if len(logs) == 1:
                message = f"{logs[0].name}: the executors failed repeatedly ({_first_line(error)})"
                return [InputError(f"{message}; give their Python more memory, or import the log without Spark")]
            return [outcome for log in logs for outcome in self._each(work, [log])]  # to find which one it was

    def _prepare_in_parts(self, log: EventLog, options: ImportOptions) -> PreparedImport:
        workers = max(2, self.context.defaultParallelism)
        reading = replace(options, read=replace(options.read, workers=workers))
        app = read_for_import(_absolute(log), reading, read_parts=self._read_parts)
        return prepare_import(log, app, options)

    def _read_parts(self, parts: Sequence[Part], options: ReadOptions, progress: Progress | None) -> Iterator[PartRead]:
        work = partial(_part_there, options)
        waves = (
            partial(self._map, work, parts[at : at + _PARTS_PER_WAVE]) for at in range(0, len(parts), _PARTS_PER_WAVE)
        )
        with ThreadPoolExecutor(_WAVES_AT_ONCE, "afterglow-parts") as pool:
            for wave in _ahead(pool, waves):
                yield from map(pickle.loads, wave)

    def _map(self, work: Callable[[Item], bytes], items: Sequence[Item]) -> list[bytes]:
        if self._stopped.is_set():
            raise CancelledError
        if not items:
            return []
        self.context.setJobGroup(self._group, "afterglow backfill")  # applies to this thread
        found: list[bytes] = self.context.parallelize(list(items), len(items)).map(work).collect()
        return found


def _waves(logs: Sequence[EventLog]) -> Iterator[list[EventLog]]:
    wave: list[EventLog] = []
    size = 0
    for log in logs:
        if wave and (size + log.size > _WAVE_BYTES or len(wave) == _WAVE_LOGS):
            yield wave
            wave, size = [], 0
        wave.append(log)
        size += log.size
    if wave:
        yield wave


def _ahead(pool: ThreadPoolExecutor, calls: Iterator[Callable[[], Item]]) -> Iterator[Item]:
    """The results of the calls, in order; _WAVES_AT_ONCE of them are under way."""
    pending: list[Future[Item]] = []
    for call in calls:
        pending.append(pool.submit(call))
        if len(pending) > _WAVES_AT_ONCE:
            yield pending.pop(0).result()
    for future in pending:
        yield future.result()


def _absolute(log: EventLog) -> EventLog:
    """The log with paths that are valid in another working directory."""
    return replace(log, files=tuple(replace(file, uri=_absolute_uri(file.uri)) for file in log.files))


def _absolute_uri(uri: str) -> str:
    return uri if not is_local(uri) or os.path.isabs(local_path(uri)) else os.path.abspath(local_path(uri))


def _has_many_parts(log: EventLog) -> bool:
    return log.size >= _HUGE_BYTES and len(split_log(log, 2)) > 1


def _import_there(
    options: ImportOptions, settings: tuple[str | None, str, str] | None, environment: Mapping[str, str], log: EventLog
) -> bytes:
    """On an executor: reads a log and publishes it, or only adds it to the dataset if no runs are requested."""
    os.environ.update(environment)
    experiments = None if settings is None else _experiments(*settings)
    return pickle.dumps(catching(import_log, log, experiments, options), pickle.HIGHEST_PROTOCOL)


def _prepare_there(options: ImportOptions, environment: Mapping[str, str], log: EventLog) -> bytes:
    """On an executor: reads a log; the driver publishes it."""
    os.environ.update(environment)
    outcome = catching(_prepare, log, options)
    return outcome.to_bytes() if isinstance(outcome, PreparedImport) else pickle.dumps(outcome)


def _prepare(log: EventLog, options: ImportOptions) -> PreparedImport:
    return prepare_import(log, read_for_import(log, options), options, detached=True)


def _part_there(options: ReadOptions, part: Part) -> bytes:
    """On an executor: reads a part of a log."""
    return pickle.dumps(read_part(part, options), pickle.HIGHEST_PROTOCOL)


@lru_cache(8)
def _experiments(tracking_uri: str | None, experiment: str, writer: str) -> "Experiments":
    from ..pipeline import open_experiments

    return open_experiments(tracking_uri, experiment, writer)


def _first_line(error: BaseException) -> str:
    """The cause of a Spark error: the Python error on the executor, if there is one."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    python = [line for line in lines if line.split(":")[0].endswith(("Error", "Exception")) and "py4j" not in line]
    return (python or lines or [type(error).__name__])[0][:300]
