"""`autolog(import_on_stop=True)`: import the event log in a separate process when the SparkContext stops.

The driver does not read the log itself. The import needs packages and memory that a training job may lack, and it
must survive the restart of a notebook's kernel. The process runs `afterglow hook` with this process's environment and
working directory and with mlflow's tracking URI. `mlflow.set_experiment` sets MLFLOW_EXPERIMENT_ID, which it inherits.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..schemas.spark import EVENT_LOG_DIR, EVENT_LOG_ENABLED
from . import monkeypatch
from .event_log import active_context
from .never_raise import never_raise, print_message, warn_once

AT_EXIT_S = 120.0  # how long the end of this process waits for a running import


@dataclass
class Import:
    """A running import: its process, and the file that holds its output."""

    process: subprocess.Popen[bytes]
    output: str
    lock: threading.Lock = field(default_factory=threading.Lock)
    reported: bool = False


_imports: list[Import] = []
_registered_pid: int | None = None  # at_exit is inherited by forked processes, which must not run it


@never_raise
def enable() -> None:
    """Import the log of every SparkContext that stops from now on, or that ends with this process."""
    global _registered_pid
    missing = [name for name in ("afterglow.ingest", "mlflow", "typer") if not _is_installed(name)]
    if missing or not sys.executable:
        what = ", ".join(missing) or "a Python interpreter"
        warn_once("import", f"import_on_stop needs {what} on the driver. Nothing is imported; use `afterglow hook`.")
        return
    monkeypatch.flush_before_stop()
    if prepare not in monkeypatch.stop_callbacks:
        monkeypatch.stop_callbacks.append(prepare)
    if _registered_pid != os.getpid():
        _registered_pid = os.getpid()
        atexit.register(at_exit)
    context = active_context()
    if context is not None:
        _has_event_log(context)


def disable() -> None:
    """Start no import from now on. Running imports continue."""
    if prepare in monkeypatch.stop_callbacks:
        monkeypatch.stop_callbacks.remove(prepare)


@never_raise
def prepare(context: Any) -> Callable[[], None] | None:
    """Ask a SparkContext that is about to stop where its log is. Return the function that starts the import."""
    if not _has_event_log(context):
        return None
    try:
        # SparkContext.eventLogger, EventLoggingListener.logWriter, EventLogFileWriter.logPath: its final name
        options = ["--log", str(context._jsc.sc().eventLogger().get().logWriter().logPath())]
    except Exception:
        folder = context.getConf().get(EVENT_LOG_DIR, "/tmp/spark-events")
        options = ["--log-dir", folder, "--app-id", context.applicationId]
    command = [sys.executable, "-m", "afterglow.ingest.cli", "hook", *options]
    environment = dict(os.environ)
    mlflow = sys.modules.get("mlflow")
    if mlflow is not None:
        # Not an argument: the URI may contain a password.
        environment["MLFLOW_TRACKING_URI"] = str(mlflow.get_tracking_uri())
    return lambda: _start(command, environment)


@never_raise
def _start(command: list[str], environment: dict[str, str]) -> None:
    # A file, not a pipe: this process may end first.
    file, path = tempfile.mkstemp(prefix="afterglow-import-", suffix=".log")
    with os.fdopen(file, "wb") as output:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in a notebook's kernel must not reach it
        )
    running = Import(process, path)
    _imports.append(running)
    try:
        threading.Thread(target=_report, args=(running,), name="afterglow-import", daemon=True).start()
    except RuntimeError:
        return  # the interpreter is ending and starts no thread; at_exit reports


@never_raise
def _report(running: Import) -> None:
    """Wait for the import and print its output once."""
    running.process.wait()
    with running.lock:
        if running.reported:
            return
        running.reported = True
    with open(running.output, encoding="utf-8", errors="replace") as file:
        text = file.read().strip()
    os.unlink(running.output)
    print_message(text or f"the import ended with exit code {running.process.returncode} and printed nothing")


@never_raise
def at_exit() -> None:
    """Stop the active session, if any, and wait for running imports."""
    if _registered_pid != os.getpid():
        return
    context = active_context()
    if context is not None and prepare in monkeypatch.stop_callbacks:
        context.stop()  # the JVM would do it a moment later, too late to import the log
    for running in _imports:
        if running.reported:
            continue
        if running.process.poll() is None:
            print_message("waiting for the import of this session's event log")
        try:
            running.process.wait(AT_EXIT_S)
            _report(running)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            print_message(
                f"the import continues in the background (process {running.process.pid}); "
                f"see its output in {running.output}"
            )


def _has_event_log(context: Any) -> bool:
    if str(context.getConf().get(EVENT_LOG_ENABLED, "false")).lower() == "true":
        return True
    warn_once("no_log", f"{EVENT_LOG_ENABLED} is not true, so import_on_stop imports nothing. Set it to true.")
    return False


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False
