"""The Airflow listener: which tasks it imports, with which command, and that it never harms them."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from typer.testing import CliRunner

from afterglow.ingest.cli import app
from afterglow.ingest.jobs.airflow_listener import LOG_DIR, OPERATORS, import_command, import_task
from tests.ingest.orchestrator_logs import write_orchestrator_log

RUNNER = CliRunner()


def instance(operator: str | None = "SparkSubmitOperator", dag: str = "sales.daily", task: str = "train_model") -> Any:
    return SimpleNamespace(dag_id=dag, task_id=task, operator=operator, task=SimpleNamespace())


def test_only_tasks_of_spark_are_imported() -> None:
    place = {LOG_DIR: "s3://logs"}
    assert import_command(instance(), {}) is None
    assert import_command(instance("PythonOperator"), place) is None
    assert import_command(instance("PythonOperator"), {**place, OPERATORS: "Bash, Python"}) is not None
    command = import_command(instance("EmrAddStepsOperator", dag="a*b"), place)
    assert command is not None and "airflow.dag=a[*]b" in command


def test_the_operator_of_airflow_3_is_the_class_of_the_task() -> None:
    class SparkKubernetesOperator:
        """As Airflow's."""

    task = SimpleNamespace(dag_id="d", task_id="t", task=SparkKubernetesOperator())
    assert import_command(task, {LOG_DIR: "logs"}) is not None


def test_the_command_finds_the_log_of_the_task(tmp_path: Path) -> None:
    for name in ("airflow", "glue", "yarn"):
        write_orchestrator_log(tmp_path / "logs", name)
    started: list[list[str]] = []
    environment = {LOG_DIR: str(tmp_path / "logs"), "AFTERGLOW_AIRFLOW_WAIT_S": "0"}
    import_task(instance(), lambda command, given: started.append(list(command)), environment)
    (command,) = started
    words = command[command.index("hook") :]
    result = RUNNER.invoke(app, [*words, "--json", "--strict", "--tracking-uri", f"sqlite:///{tmp_path}/mlflow.db"])
    assert result.exit_code == 0, result.output
    assert '"app_id": "app-airflow"' in result.stdout


def test_an_error_never_reaches_the_task() -> None:
    def start(command: Any, environment: Any) -> None:
        raise OSError("no process")

    import_task(instance(), start, {LOG_DIR: "logs"})
    import_task(SimpleNamespace(), start, {LOG_DIR: "logs"})


def test_airflow_loads_nothing_of_afterglow_with_the_plugin() -> None:
    code = (
        "import sys, afterglow.ingest.jobs.airflow_listener\n"
        "print([m for m in ('mlflow', 'pyarrow', 'numpy', 'pandas', 'typer', 'requests') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
