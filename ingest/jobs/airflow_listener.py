"""An Airflow plugin that imports the event log of every task that ran Spark, without a line in the DAGs.

Installing Afterglow beside Airflow registers it (entry point `airflow.plugins`). It does nothing until the variable
AFTERGLOW_AIRFLOW_LOG_DIR names the folder of the event logs. The log of a task is found by the properties
`spark.openlineage.parent*`, which Airflow's OpenLineage provider adds to the task's Spark job. The id in them is that
of one try of one task instance, so the log of another run of the task is never taken for it.

The import runs in another process, so that it can neither fail nor delay the task. Only the standard library is
imported here, because Airflow loads plugins into all of its processes.
"""

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

LOG_DIR = "AFTERGLOW_AIRFLOW_LOG_DIR"
OPERATORS = "AFTERGLOW_AIRFLOW_OPERATORS"
"""Comma-separated parts of operators' class names. Default: those of Spark's operators."""
WAIT_S = "AFTERGLOW_AIRFLOW_WAIT_S"
"""Seconds that the import waits for the log, default 300."""
COMMAND = "AFTERGLOW_AIRFLOW_COMMAND"
"""The program `afterglow`, if it is in another environment than Airflow, such as /opt/afterglow/bin/afterglow."""
ADDRESSES = "AFTERGLOW_ORCHESTRATOR_URL"
"""The variable of the option --orchestrator-url. If it is set, it has Airflow's address."""
LOG_FILE = "AFTERGLOW_AIRFLOW_LOG_FILE"
"""A file that gets what the imports print. Default: nothing is kept."""
_OPERATORS = ("Spark", "Dataproc", "Emr", "Livy", "Databricks", "GlueJob")

_log = logging.getLogger(__name__)

Start = Callable[[Sequence[str], Mapping[str, str]], None]


def import_command(task_instance: Any, environment: Mapping[str, str]) -> list[str] | None:
    """The command that imports the log of a task; None if the task is none of Spark or no folder is set.

    `task_instance` is Airflow's TaskInstance, or RuntimeTaskInstance from Airflow 3 on.
    """
    log_dir = environment.get(LOG_DIR)
    parts = [part.strip() for part in environment.get(OPERATORS, ",".join(_OPERATORS)).split(",") if part.strip()]
    operator = str(getattr(task_instance, "operator", None) or type(getattr(task_instance, "task", None)).__name__)
    if not log_dir or not any(part in operator for part in parts):
        return None
    program = [environment[COMMAND]] if environment.get(COMMAND) else [sys.executable, "-m", "afterglow.ingest.cli"]
    fields = {"dag": task_instance.dag_id, "task": task_instance.task_id, "task_run": _task_run(task_instance)}
    wanted = [("--orchestrator", f"airflow.{name}={_literal(value)}") for name, value in fields.items() if value]
    base = None if ADDRESSES in environment else _base_url()
    return [
        *(*program, "hook", "--log-dir", log_dir, "--newest", "--quiet"),
        *(word for pair in wanted for word in pair),
        *(("--orchestrator-url", f"airflow={base}") if base else ()),
        *("--wait", environment.get(WAIT_S, "300")),
    ]


def _task_run(task_instance: Any) -> str | None:
    """The OpenLineage run id of this try of a task instance; None without Airflow's OpenLineage provider."""
    try:
        from airflow.providers.openlineage.plugins.macros import lineage_run_id

        return str(lineage_run_id(task_instance))
    except Exception:
        return None


def _base_url() -> str | None:
    """The address of Airflow's pages, if its configuration has it."""
    try:
        from airflow.configuration import conf

        # `api` since Airflow 3, `webserver` before
        url = conf.get("api", "base_url", fallback=None) or conf.get("webserver", "base_url", fallback=None)
    except Exception:
        return None
    return url if url and url.startswith(("http://", "https://")) else None


def _literal(text: str) -> str:
    """A glob that matches just this text."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in text)


def start_process(command: Sequence[str], environment: Mapping[str, str]) -> None:
    """Starts the import in another session, which goes on when the task's process ends."""
    with open(environment.get(LOG_FILE) or os.devnull, "ab") as output:
        subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def import_task(task_instance: Any, start: Start = start_process, environment: Mapping[str, str] = os.environ) -> None:
    """Starts the import of a task's log. An error is logged and never raised."""
    try:
        command = import_command(task_instance, environment)
        if command is not None:
            _log.info("Afterglow imports the event log: %s", " ".join(command))
            start(command, environment)
    except Exception:
        _log.warning("Afterglow could not start the import of the event log", exc_info=True)


class AfterglowListener:
    """See airflow.listeners.spec.taskinstance; `plugin` adds Airflow's marker to its methods."""

    def on_task_instance_success(self, previous_state: Any, task_instance: Any) -> None:
        """A task succeeded."""
        import_task(task_instance)

    def on_task_instance_failed(self, previous_state: Any, task_instance: Any) -> None:
        """A task failed."""
        import_task(task_instance)


def plugin() -> type:
    """The plugin class. It is made here, since Airflow is not installed where Afterglow is used alone."""
    from airflow.listeners import hookimpl
    from airflow.plugins_manager import AirflowPlugin

    for name in ("on_task_instance_success", "on_task_instance_failed"):
        setattr(AfterglowListener, name, hookimpl(getattr(AfterglowListener, name)))
    return type("AfterglowPlugin", (AirflowPlugin,), {"name": "afterglow", "listeners": [AfterglowListener()]})


def __getattr__(name: str) -> Any:
    """`AfterglowPlugin`, which the entry point names."""
    if name == "AfterglowPlugin":
        return plugin()
    raise AttributeError(name)
