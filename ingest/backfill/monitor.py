"""What a following backfill tells its supervisor: a heartbeat file, and metrics for Prometheus."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ...schemas.logs import LogFile
from ..errors import AfterglowError, InputError
from ..storage_errors import explain
from .run_backfill import LogResult
from .selection import Selection

if TYPE_CHECKING:  # an optional dependency
    from prometheus_client import Counter, Gauge


class Monitor:
    """Without a file and a port it does nothing. `clock` is in seconds since the epoch.

    The heartbeat file is written when a scan and when a log is done, so its age is at most the time of one log plus
    the time between two scans. The metrics are served on `port` of all addresses until the process ends.

    Raises:
        InputError: the file cannot be written, prometheus_client is not installed, or the port is in use.
    """

    def __init__(
        self, heartbeat: str | None = None, port: int | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._heartbeat, self._clock = heartbeat, clock
        self._metrics = _serve(port) if port is not None else None
        self.beat()

    def beat(self) -> None:
        """Writes the time to the heartbeat file."""
        if self._heartbeat is None:
            return
        try:
            Path(self._heartbeat).write_text(f"{self._clock():.0f}\n")
        except OSError as error:
            raise InputError(f"{self._heartbeat}: the heartbeat cannot be written: {explain(error)}") from error

    def scanned(self, selection: Selection) -> None:
        """A scan has selected logs."""
        self.beat()
        if self._metrics is None:
            return
        now, metrics = self._clock(), self._metrics
        metrics.seen.set(selection.listed)
        metrics.waiting.set(len(selection.logs))
        metrics.quarantined.set(len(selection.quarantined))
        metrics.scanned.set(now)
        written = [_written_s(candidate.log.files) for candidate in selection.logs]
        metrics.lag.set(max((now - at for at in written if at is not None), default=0.0))

    def done(self, result: LogResult, waiting: int) -> None:
        """A log is imported or has failed; `waiting` logs of the selection are left."""
        self.beat()
        if self._metrics is None:
            return
        metrics = self._metrics
        metrics.waiting.set(waiting)
        if isinstance(result.outcome, AfterglowError):
            metrics.failed.inc()
            return
        metrics.imported.inc()
        metrics.bytes.inc(result.log.size)
        metrics.seconds.inc(result.seconds)
        if result.outcome.regressions:
            metrics.regressions.inc()
        written = _written_s(result.log.files)
        if written is not None:
            metrics.delay.set(max(self._clock() - written, 0.0))


def _written_s(files: Iterable[LogFile]) -> float | None:
    times = [file.modified_ms for file in files if file.modified_ms is not None]
    return max(times) / 1000 if times else None


class _Metrics:
    """The metrics of one process. Names follow Prometheus' rules: base units, `_total` for counters."""

    def __init__(self, port: int) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

        registry = CollectorRegistry()

        def counter(name: str, doc: str) -> "Counter":
            return Counter(f"afterglow_{name}", doc, registry=registry)

        def gauge(name: str, doc: str) -> "Gauge":
            return Gauge(f"afterglow_{name}", doc, registry=registry)

        self.imported = counter("logs_imported", "Logs imported.")
        self.failed = counter("logs_failed", "Failed imports of logs.")
        self.bytes = counter("bytes_imported", "Stored bytes of imported logs.")
        self.seconds = counter("import_seconds", "Time that imports took.")
        self.regressions = counter("regressions", "Imported applications with a regression.")
        self.seen = gauge("logs_seen", "Logs in the folders at the last scan.")
        self.waiting = gauge("logs_waiting", "Logs that are selected and not imported yet.")
        self.quarantined = gauge("logs_quarantined", "Logs that failed too often.")
        self.lag = gauge("lag_seconds", "Age of the oldest log that waited at the last scan.")
        self.delay = gauge("import_delay_seconds", "Time from the last write of the last log to its import.")
        self.scanned = gauge("last_scan_timestamp_seconds", "Time of the last scan.")
        start_http_server(port, registry=registry)


def _serve(port: int) -> _Metrics:
    try:
        return _Metrics(port)
    except ImportError as error:
        raise InputError("--metrics-port needs prometheus_client: pip install 'spark-afterglow[metrics]'") from error
    except OSError as error:
        raise InputError(f"--metrics-port {port}: {explain(error)}") from error
