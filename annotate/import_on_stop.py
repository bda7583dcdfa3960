"""`autolog(import_on_stop=True)`: when the SparkContext stops, its log is imported by a process of its own.

The driver does not read the log itself: the import needs packages and memory that the training job need not have, and
goes on where a notebook's kernel is restarted meanwhile. It runs `afterglow hook`, in this process's environment and
working directory, with the tracking URI that mlflow has here; the experiment of `mlflow.set_experiment` is in the
environment already (MLFLOW_EXPERIMENT_ID).
"""

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
from . import monkeypatch as patches
from .event_log import active_context
from .never_raise import guarded, say, say_once

AT_EXIT_S = 120.0  # a script's end waits so long for its import; then that goes on alone


@dataclass(slots=True)
class Import:
    """An import under way: its process, and the file it writes its output to."""

    process: "subprocess.Popen[bytes]"
    output: str
    lock: threading.Lock = field(default_factory=threading.Lock)
    told: bool = False


_imports: list[Import] = []
_registered: int | None = None  # the process whose end is waited for; a fork has none


@guarded
def turn_on() -> None:
    """From now on a SparkContext that stops is imported, or that ends with this process."""
    global _registered
    missing = [name for name in ("afterglow.ingest", "mlflow", "typer") if not _is_there(name)]
    if missing or not sys.executable:
        what = ", ".join(missing) or "an interpreter"
        say_once(
            "import", f"import_on_stop needs {what} beside the driver; nothing is imported (else: afterglow hook)."
        )
        return
    patches.write_before_stop()
    if prepare not in patches.stopping:
        patches.stopping.append(prepare)
    if _registered != os.getpid():
        _registered = os.getpid()
        atexit.register(at_exit)
    context = active_context()
    if context is not None:
        _is_logged(context)


def turn_off() -> None:
    """No import for what stops from now on; those under way go on."""
    if prepare in patches.stopping:
        patches.stopping.remove(prepare)


@guarded
def prepare(context: Any) -> Callable[[], None] | None:
    """Asked before the SparkContext stops, while it can still say where its log is; what is to be done afterwards."""
    if not _is_logged(context):
        return None
    try:
        # SparkContext.eventLogger, EventLoggingListener.logWriter, EventLogFileWriter.logPath: its final name
        which = ["--log", str(context._jsc.sc().eventLogger().get().logWriter().logPath())]
    except Exception:
        folder = context.getConf().get(EVENT_LOG_DIR, "/tmp/spark-events")
        which = ["--log-dir", folder, "--app-id", context.applicationId]
    command = [sys.executable, "-m", "afterglow.ingest.cli", "hook", *which]
    environment = dict(os.environ)
    mlflow = sys.modules.get("mlflow")
    if mlflow is not None:
        environment["MLFLOW_TRACKING_URI"] = str(
            mlflow.get_tracking_uri()
        )  # not as an argument: it may hold a password
    return lambda: _start(command, environment)


@guarded
def _start(command: list[str], environment: dict[str, str]) -> None:
    # A file, not a pipe: whoever would read it may be gone first.
    file, path = tempfile.mkstemp(prefix="afterglow-import-", suffix=".log")
    with os.fdopen(file, "wb") as output:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a kernel's Ctrl-C is not meant for it
        )
    one = Import(process, path)
    _imports.append(one)
    try:
        threading.Thread(target=_tell, args=(one,), name="afterglow-import", daemon=True).start()
    except RuntimeError:
        return  # at the interpreter's end no thread begins any more; at_exit tells


@guarded
def _tell(one: Import) -> None:
    """Says once what came of it, when it is over."""
    one.process.wait()
    with one.lock:
        if one.told:
            return
        one.told = True
    with open(one.output, encoding="utf-8", errors="replace") as file:
        text = file.read().strip()
    os.unlink(one.output)
    say(text or f"the import ended with exit code {one.process.returncode} and said nothing")


@guarded
def at_exit() -> None:
    """A session that nobody has stopped is stopped, and what is still being imported is waited for."""
    if _registered != os.getpid():
        return
    context = active_context()
    if context is not None and prepare in patches.stopping:
        context.stop()  # the JVM would do it a moment later; but then the log ends after the last chance to import it
    for one in _imports:
        if one.told:
            continue
        if one.process.poll() is None:
            say("waiting for the import of this session's event log")
        try:
            one.process.wait(AT_EXIT_S)
            _tell(one)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            say(f"the import goes on alone (process {one.process.pid}); what it says is written to {one.output}")


def _is_logged(context: Any) -> bool:
    if str(context.getConf().get(EVENT_LOG_ENABLED, "false")).lower() == "true":
        return True
    say_once("no_log", f"{EVENT_LOG_ENABLED} is not true, so that there is no log; import_on_stop imports nothing.")
    return False


def _is_there(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False
