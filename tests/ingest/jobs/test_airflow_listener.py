"""The Airflow listener: which tasks it imports, with which command, and that it never harms them."""

import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from afterglow.ingest.cli import app
from afterglow.ingest.jobs.airflow_listener import (
    ADDRESSES,
    LOG_DIR,
    LOG_FILE,
    OPERATORS,
    import_command,
    import_task,
    start_process,
)
from tests.ingest.orchestrator_logs import PARENT_RUN, write_orchestrator_log
from tests.ingest.publish.stores import new_sqlite

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
    result = RUNNER.invoke(app, [*words, "--json", "--strict", "--tracking-uri", new_sqlite(tmp_path / "mlflow.db")])
    assert result.exit_code == 0, result.output
    assert '"app_id": "app-airflow"' in result.stdout


def provide(monkeypatch: pytest.MonkeyPatch, name: str, **members: Any) -> None:
    """A module of Airflow with these members."""
    parts = name.split(".")
    for length in range(1, len(parts) + 1):
        monkeypatch.setitem(sys.modules, ".".join(parts[:length]), ModuleType(".".join(parts[:length])))
    sys.modules[name].__dict__.update(members)


def test_another_run_of_the_task_is_not_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A DAG that catches up runs one task several times at once; the newest log may be that of another run."""
    other = PARENT_RUN.replace("01931885", "01931886")
    runs = {"app-before": PARENT_RUN, "app-after": other}
    for app_id, run in runs.items():
        path = write_orchestrator_log(tmp_path, "airflow")
        text = path.read_text().replace("app-airflow", app_id).replace(PARENT_RUN, run)
        path.unlink()
        (tmp_path / "logs").mkdir(exist_ok=True)
        (tmp_path / "logs" / app_id).write_text(text)
    provide(monkeypatch, "airflow.providers.openlineage.plugins.macros", lineage_run_id=lambda one: one.lineage)
    store = new_sqlite(tmp_path / "mlflow.db")
    for app_id, run in runs.items():
        one = instance()
        one.lineage = run
        command = import_command(one, {LOG_DIR: str(tmp_path / "logs"), "AFTERGLOW_AIRFLOW_WAIT_S": "0"})
        assert command is not None and f"airflow.task_run={run}" in command
        words = [*command[command.index("hook") :], "--json", "--strict", "--report", "none"]
        result = RUNNER.invoke(app, [*words, "--tracking-uri", store])
        assert result.exit_code == 0 and f'"app_id": "{app_id}"' in result.stdout, result.output


def test_the_address_of_airflow_comes_from_its_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = {("webserver", "base_url"): "https://airflow.example.com"}
    conf = SimpleNamespace(get=lambda section, key, fallback: addresses.get((section, key), fallback))
    provide(monkeypatch, "airflow.configuration", conf=conf)
    command = import_command(instance(), {LOG_DIR: "logs"})
    assert command is not None and "airflow=https://airflow.example.com" in command
    assert "--orchestrator-url" not in (import_command(instance(), {LOG_DIR: "logs", ADDRESSES: "x"}) or [])
    addresses["webserver", "base_url"] = "localhost"
    assert "--orchestrator-url" not in (import_command(instance(), {LOG_DIR: "logs"}) or [])


def test_what_the_import_prints_is_kept_if_wanted(tmp_path: Path) -> None:
    file = tmp_path / "imports.log"
    start_process([sys.executable, "-c", "print('one line')"], {LOG_FILE: str(file)})
    start_process([sys.executable, "-c", "print('lost')"], {})
    until = time.monotonic() + 30
    while not file.stat().st_size and time.monotonic() < until:
        time.sleep(0.02)
    assert file.read_text() == "one line\n"


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
