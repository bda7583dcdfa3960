"""The command line as a person meets it: help, output, errors on one line, exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from afterglow.ingest.cli import app
from tests.conftest import SAMPLES, sample_log, sample_names
from tests.ingest.publish.stores import new_sqlite

runner = CliRunner()


@pytest.mark.parametrize(
    "command",
    ["import", "hook", "submit", "backfill", "show", "export", "compare", "status", "remove", "schema", "config"],
)
def test_every_command_explains_itself(command: str) -> None:
    result = runner.invoke(app, [command, "--help"])
    assert result.exit_code == 0 and "Usage:" in result.output


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom afterglow.ingest.cli import app\n"
        "CliRunner().invoke(app, ['--help'])\n"
        "print([m for m in ('mlflow', 'pandas', 'pyspark', 'pyarrow', 'numpy', 'msgspec', 'rich', 'platformdirs',\n"
        "    'jinja2', 'requests', 'sqlalchemy', 'tenacity', 'psutil', 'tomllib', 'tomli') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_show_and_export_need_no_mlflow_and_no_pandas(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom afterglow.ingest.cli import app\n"
        f"CliRunner().invoke(app, ['show', {str(sample_log('skewed-join'))!r}])\n"
        f"CliRunner().invoke(app, ['export', {str(sample_log('skewed-join'))!r}, '--out', {str(tmp_path)!r}])\n"
        "print([m for m in ('mlflow', 'pandas', 'pyspark') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
    assert list(tmp_path.rglob("tasks.parquet"))


def test_show_prints_the_tree() -> None:
    result = runner.invoke(app, ["show", str(sample_log("failing-tasks")), "--depth", "task"])
    assert result.exit_code == 0
    assert "j0 " in result.output and "s0 " in result.output and "failed" in result.output


def test_show_as_json() -> None:
    result = runner.invoke(app, ["show", str(sample_log("skewed-join")), "--json", "--depth", "job"])
    shown = json.loads(result.stdout)
    assert {run["level"] for run in shown["runs"]} == {"application", "job"} and shown["application"]["app_id"]


def test_export_writes_every_table_of_every_sample(tmp_path: Path) -> None:
    result = runner.invoke(app, ["export", str(SAMPLES), "--out", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.output
    exported = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(exported) == len(sample_names())
    for one in exported:
        for table, rows in one["rows"].items():
            path = Path(one["folder"]) / f"{table}.parquet"
            assert (pq.read_metadata(path).num_rows if path.exists() else 0) == rows
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    "content, says",
    [
        (None, "no such file or folder"),
        (b"", "empty"),
        (b"# a readme\n\nwith text\n", "no Spark event log"),
        (b"\x00" * 5000, "no Spark event log"),
        (b'{"a": 1}\n' * 3, "no Spark event log"),
    ],
)
def test_what_is_no_log_is_one_clear_line_and_exit_3(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "thing"
    if content is not None:
        path.write_bytes(content)
    result = runner.invoke(app, ["show", str(path)])
    assert result.exit_code == 3
    assert len(result.stderr.strip().splitlines()) == 1
    assert str(path) in result.stderr and says in result.stderr


def test_one_bad_log_never_costs_the_batch(tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(b"nothing\n")
    result = runner.invoke(app, ["export", str(bad), str(sample_log("skewed-join")), "--out", str(tmp_path / "out")])
    assert result.exit_code == 1 and list((tmp_path / "out").rglob("tasks.parquet"))


def test_strict_says_what_is_not_complete_in_the_exit_code(tmp_path: Path) -> None:
    killed, whole = str(sample_log("killed-driver")), str(sample_log("skewed-join"))
    assert runner.invoke(app, ["show", killed]).exit_code == 0
    assert runner.invoke(app, ["show", killed, "--strict"]).exit_code == 1
    assert runner.invoke(app, ["show", whole, "--strict"]).exit_code == 0


@pytest.mark.parametrize(
    "arguments", [["import", "x", "--task-runs", "some"], ["show", "x", "--depth", "y"], ["schema", "z"], ["show"]]
)
def test_wrong_usage_is_exit_2(arguments: list[str]) -> None:
    assert runner.invoke(app, arguments).exit_code == 2


def test_schema_prints_every_table_and_each_of_them() -> None:
    listed = json.loads(runner.invoke(app, ["schema", "--json"]).stdout)
    assert {"tasks", "metrics", "issue-codes"} <= {row["name"] for row in listed}
    for row in listed:
        rows = json.loads(runner.invoke(app, ["schema", row["name"], "--json"]).stdout)
        assert len(rows) == row["rows"]
    assert "executor_cpu_time_ns" in runner.invoke(app, ["schema", "tasks"]).output


def test_import_into_a_local_database(tmp_path: Path) -> None:
    store = new_sqlite(tmp_path / "mlflow.db")
    arguments = ["import", str(sample_log("spark35-wordcount")), "--tracking-uri", store]
    first = runner.invoke(app, [*arguments, "--json"])
    assert first.exit_code == 0, first.output
    imported = json.loads(first.stdout)
    assert imported["published"]["written"] == imported["published"]["runs"] > 5
    again = runner.invoke(app, arguments)
    assert again.exit_code == 0 and "already imported" in again.stdout and "mlflow server" in again.stdout


def test_show_writes_the_report_of_each_log(tmp_path: Path) -> None:
    one = tmp_path / "deep" / "one.html"
    ran = CliRunner().invoke(app, ["show", str(sample_log("skewed-join")), "--html", str(one)])
    assert ran.exit_code == 0 and one.read_bytes().startswith(b"<!DOCTYPE html>")
    logs = [str(sample_log(name)) for name in ("codec-lz4", "codec-lzf")]
    assert CliRunner().invoke(app, ["show", *logs, "--html", str(tmp_path / "all")]).exit_code == 0
    assert len(list((tmp_path / "all").glob("local-*.html"))) == 2
    unwritable = CliRunner().invoke(app, ["show", logs[0], "--html", str(tmp_path)])
    assert unwritable.exit_code == 3 and "cannot be written" in unwritable.stderr
