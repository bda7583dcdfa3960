"""`afterglow show`: tree, findings and issues of every log."""

import re
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from afterglow.ingest.application_view import ApplicationView
from afterglow.ingest.cli import app
from afterglow.ingest.find_logs import find_log
from afterglow.ingest.pipeline import read_view
from afterglow.schemas.logs import EventLogTables
from tests.conftest import sample_log

runner = CliRunner()


def test_all_of_it_is_printed() -> None:
    result = runner.invoke(app, ["show", str(sample_log("failing-tasks")), "--depth", "stage"])
    lines = result.stdout.splitlines()
    assert result.exit_code == 0 and lines[0].startswith("Of 14.4 s: 10.2 s driver (71 %)")
    assert any(line.startswith("Spark shell") for line in lines)
    runs = [line.strip().removeprefix("failed ").removeprefix("killed ") for line in lines]
    assert sum(run.startswith("s") and run[1:2].isdigit() for run in runs) > 2
    assert sum(run.startswith("j") and run[1:2].isdigit() for run in runs) > 2
    assert any(line.startswith("Findings") for line in lines)


def test_the_cost_is_printed_with_its_parts(tmp_path: Path) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text('currency = "USD"\ncore_hour = 0.048\ngb_hour = 0.006\n')
    shown = {}
    for name in ("annotated-search", "executor-lost"):
        result = runner.invoke(app, ["show", str(sample_log(name)), "--prices", str(prices)])
        shown[name] = " ".join(result.stdout.split())
    assert (
        "It cost 0.00351 USD: 76 % idle cores, 19 % trials, 3 % other jobs, 2 % refit and preparation."
        in shown["annotated-search"]
    )
    assert "It cost 0.00124 USD: 57 % driver, 30 % other jobs, 13 % idle cores." in shown["executor-lost"]
    assert "It cost" not in runner.invoke(app, ["show", str(sample_log("executor-lost"))]).stdout


def test_only_the_longest_children_are_printed() -> None:
    result = runner.invoke(app, ["show", str(sample_log("failing-tasks")), "--depth", "job", "--max-children", "1"])
    jobs = [line for line in result.stdout.splitlines() if re.match(r" +(?:failed )?j\d+ ", line)]
    assert len(jobs) == 1
    assert "shorter ones" in result.stdout


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", ["failing-tasks", "annotated-search", "skewed-join"])
def test_columns_are_aligned_and_no_figure_is_cut_from_its_unit(name: str, width: int) -> None:
    result = runner.invoke(app, ["show", str(sample_log(name))], env={"COLUMNS": str(width), "TERM": "dumb"})
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= width
    table = lines[next(at for at, line in enumerate(lines) if line.startswith("run ")) :]
    time_ends = table[0].index("time") + 4
    rows = [line for line in table[1:] if "shorter ones" not in line]
    assert all(
        (len(row) >= time_ends and row[time_ends - 1].isalpha() and row[time_ends : time_ends + 1].isspace())
        or len(row) == time_ends
        for row in rows
    )
    assert not any(
        re.search(r"\d$", line) and re.match(r"\s*(ms|s|min|%|MB|kB)\b", after) for line, after in pairwise(lines)
    )


def test_findings_and_the_best_trial_are_printed_before_the_runs() -> None:
    lines = runner.invoke(app, ["show", str(sample_log("annotated-search"))]).stdout.splitlines()
    assert any(line.startswith("Best: numTrees=40 maxDepth=5 -> areaUnderROC 0.9448 ± ") for line in lines[:8])
    findings = next(at for at, line in enumerate(lines) if line.startswith(("Findings", "critical path:")))
    assert findings < next(at for at, line in enumerate(lines) if line.startswith("run "))


def test_what_is_missing_in_a_log_is_printed() -> None:
    result = runner.invoke(app, ["show", str(sample_log("killed-driver"))])
    assert "Note: the log is still being written." in result.stdout or "has no ApplicationEnd" in result.stdout


def test_every_log_of_a_call_is_printed() -> None:
    result = runner.invoke(app, ["show", *(str(sample_log(name)) for name in ("codec-lz4", "skewed-join"))])
    starts = [line.split("  ")[0] for line in result.stdout.splitlines()]
    assert "wordcount" in starts and "skewed-join" in starts


def test_the_first_line_says_that_trials_cannot_be_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read_view(find_log(str(sample_log("cv-pipeline"))))
    tunings = found.tables["tunings"]
    unsure = pa.array([0.2] * len(tunings), tunings.schema.field("confidence").type)
    for table, says in (
        (tunings.set_column(tunings.schema.get_field_index("confidence"), "confidence", unsure), True),
        (tunings, False),
    ):
        view = ApplicationView(EventLogTables(found.tables.log, {**found.tables.tables, "tunings": table}))
        monkeypatch.setattr("afterglow.ingest.engines.local.read_view", lambda *_, view=view: view)
        lines = runner.invoke(app, ["show", str(sample_log("cv-pipeline")), "--depth", "tuning"]).stdout.splitlines()
        first = " ".join(" ".join(lines[:3]).split())
        uid = str(tunings["tuning_uid"][0])
        assert first.startswith(f"{uid}: trainings and evaluations cannot be paired") is says, lines[:3]
        assert ("annotate.autolog()" in first and "submit --annotate" in first) is says


def test_an_empty_folder_and_one_without_logs_are_errors(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("no event\n")
    ledger = ["--ledger", str(tmp_path / "l.db"), "--tracking-uri", f"sqlite:///{tmp_path}/m.db"]
    for folder, looked in (("empty", "there are no files"), ("texts", "looked at 1 file")):
        for words in (
            ["show"],
            ["export", "--out", str(tmp_path / "o")],
            ["import", *ledger[2:]],
            ["backfill", *ledger],
        ):
            result = runner.invoke(app, [*words, str(tmp_path / folder)])
            assert result.exit_code == 3 and looked in result.stderr and folder in result.stderr, (words, result.output)
    assert not (tmp_path / "m.db").exists()
