"""Two applications side by side: which stage is which, what changed, what breaks a limit."""

import html.parser
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from afterglow.ingest import InputError
from afterglow.ingest import compare as stage
from afterglow.ingest.compare.match import match
from afterglow.ingest.compare_apps import attach_comparison, compare_applications
from afterglow.schemas.comparison import Side, StageFigures
from tests.conftest import sample_log
from tests.ingest.publish.stores import new_sqlite


def _stage(number: int, name: str, plan: str | None, took: float, **metrics: float) -> StageFigures:
    told = {name.replace("__", "/"): value for name, value in metrics.items()}
    return StageFigures(number, name, plan, number, took, {"time/duration_s": took, **told})


def _side(label: str, took: float, stages: list[StageFigures], findings: Any = (), **metrics: float) -> Side:
    told = {"time/duration_s": took, **{name.replace("__", "/"): value for name, value in metrics.items()}}
    return Side(
        label,
        f"app-{label}",
        None,
        "job",
        True,
        told,
        stages,
        findings,
        max(took - sum(s.duration_s for s in stages), 0),
    )


def _found(code: str, cost: int, subject: str, level: str = "stage") -> dict[str, Any]:
    row = {"code": code, "cause": None, "level": level, "subject": subject, "cost_ms": cost, "severity": "warning"}
    return row | {"message": f"{code} <b>of</b> {subject}"}


def test_stages_are_matched_by_plan_and_name_then_by_either() -> None:
    a = [
        _stage(0, "count at a.py:10", "p1", 1),
        _stage(1, "count at a.py:10", "p2", 1),
        _stage(2, "save at a.py:20", "p3", 1),
        _stage(3, "gone at a.py:30", "p9", 1),
        _stage(4, "moved at a.py:40", "p4", 1),
    ]
    b = [
        _stage(10, "count at a.py:11", "p2", 1),  # lines were added above; the other plan's came first
        _stage(11, "count at a.py:11", "p1", 1),
        _stage(12, "save at a.py:21", "p5", 1),  # computed otherwise now
        _stage(13, "renamed at b.py:1", "p4", 1),
        _stage(14, "fresh at a.py:50", "p7", 1),
    ]
    pairs = {(x.stage_id if x else None, y.stage_id if y else None) for x, y in match(a, b)}
    assert pairs == {(0, 11), (1, 10), (2, 12), (4, 13), (3, None), (None, 14)}


def test_what_got_slower_comes_first_with_what_else_changed() -> None:
    a = _side(
        "a",
        100,
        [
            _stage(0, "read at x.py:1", "p", 20, io__input_bytes=1e6, tasks__total=8),
            _stage(1, "agg at x.py:2", "q", 60),
        ],
    )
    b = _side(
        "b",
        150,
        [
            _stage(5, "read at x.py:1", "p", 70, io__input_bytes=4e6, tasks__total=8),
            _stage(6, "agg at x.py:2", "q", 60),
        ],
    )
    found = stage.compare(a, b)
    assert found.verdict == "slower"
    assert found.sentence == "50 % slower: 1 min 40 s before, 2 min 30 s after. Most of it: read at x.py:1 (+50 s)."
    first = found.stages[0]
    assert (first.name, first.duration.by, list(first.why)) == ("read at x.py:1", 50, ["bytes read 4 times"])
    assert stage.compare(b, a).verdict == "faster"
    assert stage.compare(a, a).verdict == "about the same"


def test_findings_are_new_or_gone_whatever_numbers_their_stages_have() -> None:
    old = [_found("skew", 5000, "stage 8.0 · join at x.py:4"), _found("spill", 100, "stage 3.0 · sort at x.py:9")]
    new = [_found("skew", 9000, "stage 12.0 · join at x.py:7"), _found("gc", 700, "app", "application")]
    found = stage.compare(_side("a", 9, [], old), _side("b", 9, [], new))
    assert [row["code"] for row in found.findings_new] == ["gc"]
    assert [row["code"] for row in found.findings_gone] == ["spill"]


@pytest.mark.parametrize(
    ("limit", "is_broken"),
    [
        ("time/duration_s > 20%", True),
        ("time/duration_s > 60%", False),
        ("time/duration_s>=50%", True),
        ("time/duration_s > 49", True),
        ("time/duration_s > 50", False),
        ("spill/disk_bytes > 10%", True),  # nothing before
        ("spill/disk_bytes > 10", True),
        ("tasks/failed > 0", False),  # neither has any
        ("executors/idle_ratio < -0.1", True),
        ("stage:time/duration_s > 200%", True),
        ("stage:time/duration_s > 300%", False),
    ],
)
def test_a_limit_is_broken_by_share_or_by_number(limit: str, is_broken: bool) -> None:
    a = _side("a", 100, [_stage(0, "read", "p", 20)], executors__idle_ratio=0.5)
    b = _side("b", 150, [_stage(0, "read", "p", 70)], spill__disk_bytes=11, executors__idle_ratio=0.3)
    assert bool(stage.broken(stage.condition(limit), stage.compare(a, b))) is is_broken


@pytest.mark.parametrize(
    "limit", ["time/duration_s", "time/durations_s > 3", "time/duration_s > fast", "> 3", "a > 1 > 2"]
)
def test_a_limit_that_says_nothing_is_refused(limit: str) -> None:
    with pytest.raises(InputError, match=r"metric|write METRIC"):
        stage.condition(limit)


def test_the_page_shows_text_of_a_log_as_text() -> None:
    hostile = "<script>alert(1)</script>"
    side = _side(hostile, 10, [_stage(0, hostile, "p", 9)], [_found("skew", 100, hostile)])
    other = _side("b", 30, [_stage(0, hostile, "p", 28)])
    content = stage.page(stage.compare(side, other), [f"limit {hostile}"]).decode()
    tags: list[str] = []
    parser = html.parser.HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.append(tag)  # type: ignore[method-assign]
    parser.feed(content)
    assert "script" not in tags and "&lt;script&gt;alert(1)&lt;/script&gt;" in content
    assert len(content) < 100_000


def test_two_runs_of_one_job_are_matched_stage_by_stage() -> None:
    one, two = (str(sample_log(f"codec-{codec}")) for codec in ("lz4", "snappy"))
    found = compare_applications(one, two).comparison
    pairs = [pair for group in found.stages for pair in group.pairs]
    assert pairs and all(before and after and before.stage_id == after.stage_id for before, after in pairs)
    assert [row["code"] for row in found.findings_new] == [row["code"] for row in found.findings_gone] == []


@pytest.mark.slow
def test_imported_applications_compare_as_their_logs_do(tmp_path: Path) -> None:
    from mlflow import MlflowClient

    from afterglow.ingest import import_logs

    uri = new_sqlite(tmp_path / "mlflow.db")
    logs = [str(sample_log(name)) for name in ("codec-lz4", "skewed-join")]
    one, two = (imported.published for imported in import_logs(logs, uri))
    client = MlflowClient(uri)
    ids = [client.get_run(published.run_id).data.tags["spark.app.id"] for published in (one, two)]
    below = client.search_runs(
        [two.experiment_id], f"tags.`afterglow.level` = 'stage' and tags.`spark.app.id` = '{ids[1]}'"
    )
    of_logs = compare_applications(*logs).comparison
    for b in (ids[1], f"{ids[1]}/1", two.run_id, below[0].info.run_id):
        found = compare_applications(ids[0], b, tracking_uri=uri)
        assert found.comparison.metrics == of_logs.metrics
        assert found.comparison.stages == of_logs.stages
        assert found.root.run_id == two.run_id
    name = attach_comparison(found, uri)
    path = client.download_artifacts(two.run_id, name, str(tmp_path))
    assert Path(path).read_bytes() == found.html
    with pytest.raises(InputError, match="no log at this path"):
        compare_applications("application_1_1", ids[0], tracking_uri=uri)
    with pytest.raises(InputError, match="is a log"):
        attach_comparison(compare_applications(ids[0], logs[0], tracking_uri=uri), uri)


def test_the_command_exits_1_where_a_limit_is_broken(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from afterglow.ingest.cli import app

    logs = [str(sample_log(f"codec-{codec}")) for codec in ("snappy", "lz4")]
    page = tmp_path / "deep" / "c.html"
    ran = CliRunner().invoke(
        app, ["compare", *logs, "--fail-if", "time/duration_s > 5%", "--json", "--html", str(page)]
    )
    assert ran.exit_code == 1 and "limit exceeded: time/duration_s > 5%" in ran.stderr
    told = json.loads(ran.stdout)
    assert told["verdict"] == "slower" and told["broken"]
    assert b"Limits exceeded" in page.read_bytes()
    assert CliRunner().invoke(app, ["compare", *logs, "--fail-if", "time/duration_s > 5 %%"]).exit_code == 2
    quiet = CliRunner().invoke(app, ["compare", *logs, "--fail-if", "time/duration_s > 500%", "--quiet"])
    assert (quiet.exit_code, quiet.stdout) == (0, "")
    assert CliRunner().invoke(app, ["compare", *logs]).stdout.startswith("37 % slower")


def test_of_short_stages_some_always_take_twice_as_long() -> None:
    a = _side("a", 9, [_stage(i, f"s{i}", f"p{i}", 0.2) for i in range(3)])
    b = _side("b", 9, [_stage(i, f"s{i}", f"p{i}", 0.9) for i in range(3)])
    found = stage.compare(a, b)
    assert stage.broken(stage.condition("stage:time/duration_s > 100%"), found) == []
    assert len(stage.broken(stage.condition("stage:time/duration_s > 0.5"), found)) == 3
    many = stage.compare(
        _side("a", 90, [_stage(i, f"s{i}", f"p{i}", 1) for i in range(30)]),
        _side("b", 90, [_stage(i, f"s{i}", f"p{i}", 3) for i in range(30)]),
    )
    told = stage.broken(stage.condition("stage:time/duration_s > 100%"), many)
    assert len(told) == 21 and told[-1].endswith("10 more stages")


@pytest.mark.parametrize("side", ["a", "b"])
def test_a_failed_application_is_said_first_and_passes_no_gate(tmp_path: Path, side: str) -> None:
    whole, half = _side("a", 120, [_stage(0, "save", "p", 100)]), _side("b", 60, [_stage(0, "save", "p", 50)])
    failed = replace(half if side == "b" else whole, problem="failed, and so did its job 9")
    found = stage.compare(whole, failed) if side == "b" else stage.compare(failed, half)
    assert found.verdict == "not comparable" and len(found.problems) == 1
    assert found.sentence.startswith(f"{side.upper()} ({side}) failed, and so did its job 9. The times do not compare")


def test_more_failed_jobs_than_before_pass_no_gate() -> None:
    a, b = _side("a", 100, []), replace(_side("b", 100, []), failed_jobs=2)
    assert stage.compare(a, b).problems == ["B (b) has 2 failed jobs, A has 0."] and not stage.compare(b, a).problems


def test_the_gate_of_an_application_whose_log_is_cut(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from afterglow.ingest.cli import app

    whole = sample_log("skewed-join")
    cut = tmp_path / "cut"
    cut.write_bytes(b"".join(whole.read_bytes().splitlines(keepends=True)[:-3]))
    gate = ["--fail-if", "time/duration_s > 1000%"]
    ran = CliRunner().invoke(app, ["compare", str(whole), str(cut), *gate])
    first = " ".join(" ".join(ran.stdout.split("\n")[:3]).split())
    assert ran.exit_code == 1 and "has a log that is cut off" in first and "log that is cut off" in ran.stderr
    assert CliRunner().invoke(app, ["compare", str(whole), str(cut)]).exit_code == 0
    assert CliRunner().invoke(app, ["compare", str(whole), str(whole), *gate]).exit_code == 0
