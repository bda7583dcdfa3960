"""Findings as people meet them: thresholds of options and files, tags and metrics of runs, descriptions, `show`."""

import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from markdown_it import MarkdownIt
from typer.testing import CliRunner

from afterglow.ingest import import_logs, read
from afterglow.ingest.cli import app
from afterglow.ingest.derive import derive
from afterglow.ingest.publish.description import describe
from afterglow.ingest.threshold_file import read_thresholds
from afterglow.schemas.runs.tree import Run, RunTree
from tests.conftest import sample_log
from tests.ingest.diagnose.builders import Made, task
from tests.ingest.publish.stores import new_sqlite

runner = CliRunner()
SKEWED = str(sample_log("skewed-join"))
NASTY = "<script>alert(1)</script> **bold** [x](javascript:alert(1)) | `code` {{7*7}}"
_LOUD = {"p", "a", "strong", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "code"}


def html(run: Run, tree: RunTree) -> str:
    text = describe(run, tree.children(), None, lambda key: f"#{key.replace('/', '-')}")
    assert len(text) <= 8000
    return MarkdownIt("commonmark", {"html": True}).enable("table").render(text)


def nasty() -> RunTree:
    work = Made()
    work.executors[1]["host"] = NASTY
    work.warm()
    failed = task(5_000, "2", status="FAILED", failure_reason=NASTY)
    work.stage([failed] * 4 + [task(1_000, input_bytes=10**6)] * 40 + [task(40_000, input_bytes=4 * 10**7)], name=NASTY)
    work.stage(
        [task(2_000, "2", status="FAILED", failure_reason=f"ExecutorLostFailure {NASTY}")] + [500] * 20, name=NASTY
    )
    return derive(work.view())


def test_a_finding_is_a_tag_and_a_cost_on_the_run_it_is_about() -> None:
    tree = nasty()
    stage = next(run for run in tree.runs if run.key.endswith("/stage/1.0"))
    assert stage.tags["afterglow.finding.skew"].startswith("critical, ") and stage.metrics["findings/cost_s"] > 20
    assert stage.tags["afterglow.finding.failed_tasks"].startswith("warning, 5 s: 4 of 45 task")
    assert {name for name in tree.application.tags if name.startswith("afterglow.finding.")} == {
        f"afterglow.finding.{code}"
        for code in ("executor_lost", "wall_time", "critical_path", "lower_bound", "core_hours", "what_if")
    }
    assert tree.application.metrics["findings/critical"] == 1 and tree.application.metrics["findings/warning"] == 1
    (long,) = [run for run in tree.tasks[stage.key] if "afterglow.finding.straggler" in run.tags]
    assert (
        "more data" not in stage.tags.get("afterglow.finding.straggler", "") and long.metrics["findings/cost_s"] == 39
    )


def test_of_several_findings_of_one_code_the_dearest_is_the_tag() -> None:
    work = Made()
    for number in (0, 2):
        lost = task(4_000 + number * 1_000, str(number + 1), status="FAILED", failure_reason="ExecutorLostFailure: x")
        work.stage([lost] + [900] * 20)
    tag = derive(work.view()).application.tags["afterglow.finding.executor_lost"]
    assert ": executor 3 on host-3: " in tag and tag.endswith("And 1 more.")


def test_descriptions_say_it_with_links_and_let_nothing_act() -> None:
    tree = nasty()
    application = html(tree.application, tree)
    assert set(re.findall(r"<(\w+)", application)) <= _LOUD and "<script" not in application
    assert re.search(r'href="#made-1-[0-9a-f]+-stage-1\.0"', application) and "What cost time" in application
    for run in tree.runs:
        told = html(run, tree)
        assert set(re.findall(r"<(\w+)", told)) <= _LOUD
        assert ("What cost time" in told) == any(not one.informational for one in run.findings)
    assert not re.search(r'href="javascript', application)


def test_only_a_handful_is_described_the_dearest_first() -> None:
    work = Made()
    work.warm()
    for number in range(8):
        work.stage([1_000] * 20 + [task(20_000 + number * 1_000)], name=f"stage of {number}")
    tree = derive(work.view(("any.cost_ratio", 0.001)))
    text = describe(tree.application, {}, None, lambda key: key)
    lines = [line for line in text.splitlines() if line.startswith("- **")]
    assert (
        len(lines) == 5
        and [f"stage of {n}" in line for n, line in zip(range(7, 2, -1), lines, strict=True)] == [True] * 5
    )
    assert "- 3 more in `tables/findings.parquet`" in text


def test_show_prints_findings_and_their_advice() -> None:
    result = runner.invoke(app, ["show", SKEWED, "--depth", "application"])
    assert "skew: stage 8.0" in " ".join(result.output.split()) and "frequent keys" in result.output
    assert result.output.startswith("Of ") and result.output.count(" computing (") == 1
    shown = json.loads(runner.invoke(app, ["show", SKEWED, "--json"]).stdout)
    assert "skew" in {row["code"] for row in shown["findings"]}


def test_export_writes_them(tmp_path: Path) -> None:
    def codes(*given: str) -> set[str]:
        result = runner.invoke(app, ["export", SKEWED, "--out", str(tmp_path), *given])
        assert result.exit_code == 0, result.output
        (path,) = tmp_path.rglob("findings.parquet")
        return set(pq.read_table(path)["code"].to_pylist())

    assert "skew" in codes()
    assert "skew" not in codes("--threshold", "skew.cost_s=60")
    file = tmp_path / "own.toml"
    file.write_text("[skew]\ncost_s = 60\n")
    assert "skew" not in codes("--thresholds", str(file))
    assert "skew" in codes("--thresholds", str(file), "--threshold", "skew.cost_s=1")


@pytest.mark.parametrize("command", ["import", "show", "export", "hook", "backfill", "submit"])
def test_an_unknown_threshold_is_a_usage_error_that_lists_the_valid_ones(command: str) -> None:
    more = {"export": ["--out", "x"], "hook": ["--log", SKEWED], "submit": ["--", "true"]}.get(command, [])
    logs = [] if command in ("hook", "submit") else [SKEWED]
    result = runner.invoke(app, [command, *logs, "--threshold", "skew.speed=1", *more])
    told = " ".join(result.output.split())
    assert result.exit_code == 2 and "skew.time_ratio" in told, told


@pytest.mark.parametrize(
    "content, says",
    [
        ("[skew\n", "not valid TOML"),
        ("skew = 3\n", "not a table"),
        ("[skw]\na = 1\n", "unknown finding"),
        ('[skew]\ntime_ratio = "much"\n', "not a number"),
        (None, "no such file"),
    ],
)
def test_a_file_that_is_no_such_toml(tmp_path: Path, content: str | None, says: str) -> None:
    path = tmp_path / "own.toml"
    if content is not None:
        path.write_text(content)
    result = runner.invoke(app, ["show", SKEWED, "--thresholds", str(path)])
    assert result.exit_code == 2 and says in " ".join(result.output.split()), result.output
    with pytest.raises(ValueError, match=says):
        read_thresholds(str(path))


def test_an_option_needs_a_value() -> None:
    with pytest.raises(ValueError, match=r"not CODE\.NAME=VALUE"):
        read_thresholds(None, ["skew.time_ratio"])


def test_from_python(tmp_path: Path) -> None:
    def codes(**given: Any) -> list[str]:
        found: list[str] = read(SKEWED, **given)["findings"]["code"].to_pylist()
        return found

    assert "skew" in codes() and "skew" not in codes(thresholds={"skew.cost_s": 60})
    with pytest.raises(ValueError, match="unknown finding"):
        read(SKEWED, {"x.y": 1})


def test_other_thresholds_renew_the_import(tmp_path: Path) -> None:
    uri = new_sqlite(tmp_path / "mlflow.db")

    def imported(**given: Any) -> str:
        (one,) = import_logs([SKEWED], uri, "e", report="none", **given)
        state: str = one.published.state
        return state

    assert [imported(), imported(), imported(thresholds={"skew.cost_s": 60})] == ["written", "unchanged", "written"]
    assert imported(thresholds={"skew.cost_s": 60}) == "unchanged"
