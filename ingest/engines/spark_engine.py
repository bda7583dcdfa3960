"""The same import on a Spark cluster, for years of logs.

The driver lists logs and asks MLflow what is there; executors read and derive with the functions of `run`, one log per
task. Where any machine can reach the store (a tracking server, or a database server with --writer sql) they publish
too; else the driver does, from tables that they send. A log too large for one task is read in parts side by side, put
together by the driver. A task of a lost executor is repeated by Spark, and with it only that log; what it had published
is taken up, not doubled.
"""

import io
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
from typing import Any, TypeVar

from ...schemas.logs import EventLog
from ..errors import AfterglowError, InputError
from ..filesystems import is_local, local_path
from ..log_parts import Part, PartRead, in_parts, splittable
from ..options import ImportOptions, ReadOptions
from ..pipeline import add_to_dataset, import_log, import_ready, imported_before, packed, read_for_import, ready
from ..results import Imported, Ready
from ..version import version
from .local import Order, tried
from .process_pool import TABLE_PICKLED

Item = TypeVar("Item")

_HUGE_BYTES = 512 * 2**20  # stored; as one task it would keep one core busy for many seconds after all others are done
# What the driver may hold of tables at a time: they are about as large as a compressed log, a tenth of a plain one.
_WAVE_BYTES = 256 * 2**20
_WAVE_LOGS = 512
_PARTS_PER_WAVE = 32
_WAVES_AT_ONCE = 2  # the next one is read while the driver publishes what the last one brought
_ENVIRONMENT = ("MLFLOW_", "DATABRICKS_", "AFTERGLOW_", "AWS_", "GOOGLE_", "AZURE_")


@contextmanager
def on_spark(master: str | None, settings: Mapping[str, str]) -> Iterator["OnSpark"]:
    """A Spark application for as long as the context lasts. Without `master` what spark-submit or Spark's own settings
    say; where a SparkContext is there already it is used, and not stopped.

    Raises:
        InputError: pyspark is missing, Spark does not start, this process has a SparkContext on another master, or the
            executors have no Afterglow of this version.
    """
    try:
        from pyspark import SparkConf, SparkContext
    except ImportError as error:
        raise InputError("--engine spark needs pyspark: pip install 'spark-afterglow[spark]'") from error
    there = SparkContext._active_spark_context
    if there is not None and master not in (None, there.master):
        raise InputError(f"a SparkContext on {there.master} is here already; stop it, or leave out --master")
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
        raise InputError(f"Spark does not start ({_first_line(error)}); check --master and --spark-conf") from error
    try:
        context.setLogLevel("ERROR")
        _same_version(context)
        yield OnSpark(context)
    finally:
        if there is None:
            context.stop()


def _same_version(context: Any) -> None:
    advice = (
        "install it there, or ship an environment: --spark-conf spark.archives=env.tar.gz#env with PYSPARK_PYTHON="
        "./env/bin/python"
    )
    try:
        found = context.parallelize([0], 1).map(_version_there).collect()[0]
    except Exception as error:
        raise InputError(f"the executors cannot import afterglow ({_first_line(error)}); {advice}") from error
    if found != version():
        raise InputError(f"the executors have afterglow {found}, this is {version()}; {advice}")


def _version_there(_: int) -> str:
    return version()


@dataclass(frozen=True, slots=True)
class OnSpark:
    """Imports logs as batch.import_logs does, by a Spark application's executors."""

    context: Any
    order: Order = "biggest"
    _group: str = field(default_factory=lambda: f"afterglow-backfill-{uuid.uuid4()}")
    _stopped: threading.Event = field(default_factory=threading.Event)

    def import_logs(
        self, logs: Sequence[EventLog], experiments: Any, options: ImportOptions, read: Any = None
    ) -> Generator[Imported | AfterglowError, None, None]:
        """What came of each log, in order, or its error. Waves of logs are Spark jobs, two of them at a time; where
        nobody takes what is left, those under way are cancelled."""
        self._stopped.clear()
        everywhere = options.runs and experiments.reached_from_everywhere
        work = partial(
            _import_there if everywhere or not options.runs else _read_there,
            replace(options, read=replace(options.read, workers=1)),
            experiments.settings if everywhere else None,
            {key: value for key, value in os.environ.items() if key.startswith(_ENVIRONMENT)},
        )
        # MLflow is asked here, by this thread, as the waves are taken: the others only wait for Spark
        asked = ({log: tried(imported_before, log, experiments, options) for log in wave} for wave in _waves(logs))
        waves = (partial(self._wave, work, before) for before in asked)
        with ThreadPoolExecutor(_WAVES_AT_ONCE, "afterglow-wave") as pool, self._cancelled_if_left():
            for wave in _ahead(pool, waves):
                for log, one in wave:
                    started = time.monotonic()
                    if one is None:
                        one = tried(self._in_parts, log, options)
                    if isinstance(one, Ready):
                        one = tried(import_ready, one, experiments, options, started, None)
                    yield one

    @contextmanager
    def _cancelled_if_left(self) -> Iterator[None]:
        try:
            yield
        except BaseException:  # GeneratorExit too: a backfill that is told to stop leaves its loop
            self._stopped.set()
            self.context.cancelJobGroup(self._group)
            raise

    def _wave(self, work: Callable[[EventLog], bytes], before: Mapping[EventLog, Any]) -> list[tuple[EventLog, Any]]:
        """(log, what came of it: Imported, what is to be published, an error; None where it is to be read in parts)."""
        todo = [log for log, known in before.items() if known is None and not _in_many_parts(log)]
        done = dict(zip(todo, self._each(work, [_absolute(log) for log in todo]), strict=True))
        return [(log, done.get(log, known)) for log, known in before.items()]

    def _each(self, work: Callable[[EventLog], bytes], logs: Sequence[EventLog]) -> list[Any]:
        try:
            return [pickle.loads(one) for one in self._map(work, logs)]
        except Exception as error:  # of py4j, pyspark or the executors: a job fails as a whole
            if self._stopped.is_set():
                raise
            if len(logs) == 1:
                message = f"{logs[0].name}: the executors failed on it again and again ({_first_line(error)})"
                return [InputError(f"{message}; give their Python more memory, or import it alone")]
            return [one for log in logs for one in self._each(work, [log])]  # which one it was

    def _in_parts(self, log: EventLog, options: ImportOptions) -> Ready:
        from ..pipeline import read_view

        reading = replace(options.read, workers=max(2, self.context.defaultParallelism))
        app = read_view(_absolute(log), reading, parts_read=self._parts_read)
        add_to_dataset(log, app.tables, options)
        return ready(log, app, options)

    def _parts_read(
        self, read: Callable[..., PartRead], parts: Sequence[Part], options: ReadOptions, workers: int, progress: Any
    ) -> Iterator[PartRead]:
        work = partial(_part_there, read, options)
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
        self.context.setJobGroup(self._group, "afterglow backfill")  # of this thread
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
    """What the calls give, in order; so many as the pool has threads are under way."""
    pending: list[Future[Item]] = []
    for call in calls:
        pending.append(pool.submit(call))
        if len(pending) > _WAVES_AT_ONCE:
            yield pending.pop(0).result()
    for future in pending:
        yield future.result()


def _absolute(log: EventLog) -> EventLog:
    """The log by paths that hold in another process's working directory too."""
    return replace(log, files=tuple(replace(file, uri=_absolute_uri(file.uri)) for file in log.files))


def _absolute_uri(uri: str) -> str:
    return uri if not is_local(uri) or os.path.isabs(local_path(uri)) else os.path.abspath(local_path(uri))


def _in_many_parts(log: EventLog) -> bool:
    return log.size >= _HUGE_BYTES and len(in_parts(log, 2, splittable)) > 1


def _import_there(
    options: ImportOptions, settings: tuple[str | None, str, str] | None, environment: Mapping[str, str], log: EventLog
) -> bytes:
    """On an executor: reads a log and publishes it, or adds it to the dataset where no runs are wanted."""
    os.environ.update(environment)
    return _pickled(tried(import_log, log, None if settings is None else _experiments(*settings), options))


def _read_there(options: ImportOptions, settings: None, environment: Mapping[str, str], log: EventLog) -> bytes:
    """On an executor: reads a log; what is to be published goes to the driver."""
    os.environ.update(environment)
    return _pickled(tried(_ready_there, log, options))


def _ready_there(log: EventLog, options: ImportOptions) -> Ready:
    return packed(log, read_for_import(log, options), options)


def _part_there(read: Callable[..., PartRead], options: ReadOptions, part: Part) -> bytes:
    return _pickled(read(part, options))


@lru_cache(8)
def _experiments(tracking_uri: str | None, experiment: str, writer: str) -> Any:
    from ..pipeline import open_experiments

    return open_experiments(tracking_uri, experiment, writer)


def _pickled(outcome: Any) -> bytes:
    file = io.BytesIO()
    pickler = pickle.Pickler(file, pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = TABLE_PICKLED
    pickler.dump(outcome)
    return file.getvalue()


def _first_line(error: BaseException) -> str:
    """What went wrong, of all that Spark says about it: the Python error on the executor where there is one."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    python = [line for line in lines if line.split(":")[0].endswith(("Error", "Exception")) and "py4j" not in line]
    return (python or lines or [type(error).__name__])[0][:300]
