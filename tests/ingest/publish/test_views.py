"""Saved views: one set of tags whatever writes them, written once, within limits, and never for an older page."""

import json
from dataclasses import replace
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from afterglow.ingest import import_logs
from afterglow.ingest.derive import derive
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.pipeline import read_view
from afterglow.ingest.publish import store, urls, views
from afterglow.ingest.publish.retry import RetryPolicy
from afterglow.ingest.status import list_imported, remove_application
from afterglow.schemas.runs.tree import RunTree
from tests.conftest import sample_log

from .stores import new_sqlite

SEARCH = str(sample_log("annotated-search"))


def imported(uri: str, name: str, folder: Path, writer: str = "sql") -> str:
    client = MlflowClient(uri)
    if client.get_experiment_by_name(name) is None:
        client.create_experiment(name, artifact_location=f"file://{folder}/{name}")
    (one,) = import_logs([SEARCH], uri, name, writer=writer, task_runs="none")
    return one.published.url.partition("?")[2]


def view_tags(uri: str, name: str) -> dict[str, str]:
    found = MlflowClient(uri).get_experiment_by_name(name)
    assert found is not None
    return {key: value for key, value in found.tags.items() if key.startswith(views.VIEW_TAG_PREFIX)}


@pytest.fixture(scope="module")
def tree() -> RunTree:
    (log,) = find_logs([SEARCH])
    return derive(read_view(log))


@pytest.mark.slow
def test_both_writers_keep_the_same_views_and_write_them_once(tmp_path: Path) -> None:
    uri = new_sqlite(tmp_path / "mlflow.db")
    addresses = [imported(uri, name, tmp_path, name) for name in ("rest", "sql", "sql")]
    assert view_tags(uri, "rest") == view_tags(uri, "sql") and len(view_tags(uri, "sql")) == len(views.STANDARD) + 2
    assert len(set(addresses)) == 1 and len(addresses[0]) < 90
    assert views.VIEW_TAG_PREFIX + addresses[0].rpartition("=")[2] in view_tags(uri, "sql")


def test_an_older_page_gets_the_filter_in_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow, "__version__", "2.9.2")
    uri = new_sqlite(tmp_path / "mlflow.db")
    address = imported(uri, "old", tmp_path)
    assert not view_tags(uri, "old")
    assert "viewStateShareKey" not in address and "searchFilter=" in address and "orderByAsc=true" in address


def test_a_server_that_is_busy_is_asked_again_for_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the same import would have another description, depending on one answer."""
    answers = [
        MlflowException("API request to http://h/version failed with exception (too many 503 error responses)"),
        MlflowException("API request to http://h/version failed with exception (Max retries exceeded)"),
        (3, 17),
    ]

    def ask(client: MlflowClient | None) -> tuple[int, ...]:
        answer = answers.pop(0)
        if isinstance(answer, MlflowException):
            raise answer
        return answer

    monkeypatch.setattr(store, "server_version", ask)
    uri = new_sqlite(tmp_path / "mlflow.db")
    opened = store.TrackingStore.open(uri, "x", RetryPolicy(sleep=lambda seconds: None))
    assert "viewStateShareKey" not in opened.view_path(views.APPLICATIONS)  # the experiment has no tags yet
    opened.describe([])
    assert "viewStateShareKey" in opened.view_path(views.APPLICATIONS) and not answers


@pytest.mark.parametrize("error", [MlflowException("API request failed with error code 403"), OSError("odd")])
def test_a_server_that_does_not_state_its_version_gets_the_long_address(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(client: MlflowClient | None) -> tuple[int, ...]:
        raise error

    monkeypatch.setattr(store, "server_version", ask)
    uri = new_sqlite(tmp_path / "mlflow.db")
    opened = store.TrackingStore.open(uri, "x", RetryPolicy(sleep=lambda seconds: None))
    opened.describe([])
    assert "searchFilter=" in opened.view_path(views.APPLICATIONS)


def test_the_views_of_a_search_have_its_params_and_its_metric(tree: RunTree) -> None:
    (view,) = views.trials_views(tree).values()
    state = json.loads(view.encode())
    columns = state["selectedColumns"]
    differing = {name for name in columns if name.startswith("params.")}
    assert differing and all("maxDepth" in name or "numTrees" in name for name in differing)
    assert [name for name in columns if "avg_" in name or "std_" in name] == [
        "metrics.`avg_areaUnderROC`",
        "metrics.`std_areaUnderROC`",
    ]
    (chart,) = state["compareRunCharts"]
    assert chart["type"] == "PARALLEL" and chart["selectedMetrics"] == ["avg_areaUnderROC", "time/fit_s"]
    assert {f"params.`{name}`" for name in chart["selectedParams"]} == differing
    assert chart["metricSectionId"] == state["compareRunSections"][0]["uuid"]
    ascending = json.loads(views.tree_view("app-1", tree.runs).encode())
    assert ascending["orderByAsc"] is True and "metrics.`best_areaUnderROC`" in ascending["selectedColumns"]


def test_headings_fit_their_columns_and_the_answer_comes_first(tree: RunTree) -> None:
    (of_search,) = views.trials_views(tree).values()
    trials, applications = (json.loads(view.encode()) for view in (of_search, views.APPLICATIONS))
    name, created, metric, cost = trials["columnOrder"][:4]
    assert (name, created) == ("attributes.`Run Name`", "runDateAndNestInfo")
    assert (metric, cost) == ("metrics.`avg_areaUnderROC`", "metrics.`time/fit_s`")
    assert trials["columnOrder"][-1] == "duration" and applications["columnOrder"][2] == "duration"
    assert applications["columnOrder"][3:5] == ["tags.`afterglow.result`", "tags.`afterglow.to_do`"]
    for state in (trials, applications):
        assert set(state["columnWidths"]) == set(state["columnOrder"])
    assert trials["columnWidths"][metric] == 30 + 7 * len("avg_areaUnderROC") + 24  # with the symbol of the order
    assert trials["columnWidths"]["metrics.`std_areaUnderROC`"] == 30 + 7 * len("std_areaUnderROC")


def test_only_a_page_with_saved_views_gets_charts() -> None:
    short = urls.view_path("1", "afterglow-trials-1")
    assert urls.chart_path(short) == f"{short}&compareRunsMode=CHART"
    assert urls.chart_path(urls.long_path("1", views.TRIALS)) is None


def test_a_named_view_is_read_by_old_and_new_pages() -> None:
    held = json.loads(views.STAGES.encode())
    state = json.loads(held["state"])
    assert held["name"] == "Slow stages" and isinstance(held["createdAt"], int)
    assert {name: held[name] for name in state} == state


def test_keys_are_derived_and_bounded() -> None:
    many = [views.tree_view(f"app-{number}") for number in range(500)]
    assert len({view.key for view in many}) == 500
    held: dict[str, str] = {}
    for view in many:
        held |= {one.tag: one.encode() for one in views.missing([view], held)}
    assert len(held) == 200
    assert not views.missing([many[-1]], held) and not views.missing([many[0]], held)
    assert views.missing([replace(many[0], ascending=False)], held)  # a view of another version is brought up to date


def test_ids_that_are_no_keys_get_a_digest() -> None:
    keys = {views.tree_key(text) for text in ("a b", "a_b", "a/b", "", "x" * 200, "x" * 201)}
    assert len(keys) == 6 and all(len(key) <= 60 and " " not in key and "/" not in key for key in keys)


def test_a_view_that_no_tag_can_hold_is_left_out() -> None:
    wide = replace(views.TRIALS, key="afterglow-trials-x", columns=tuple(f"params.`{'p' * 250}{n}`" for n in range(40)))
    assert len(wide.encode()) > 5000
    assert not views.missing([wide], {})


@pytest.mark.traces  # an older one cannot delete the tag of an experiment
def test_the_last_application_takes_the_views_with_it(tmp_path: Path) -> None:
    uri = new_sqlite(tmp_path / "mlflow.db")
    imported(uri, "one", tmp_path)
    found = MlflowClient(uri).get_experiment_by_name("one")
    assert found is not None
    theirs = views.VIEW_TAG_PREFIX + "mine"
    MlflowClient(uri).set_experiment_tag(found.experiment_id, theirs, "{}")
    import_logs([str(sample_log("spark35-wordcount"))], uri, "one", task_runs="none")
    for one, left in zip(list_imported((), uri, "one"), (len(views.STANDARD) + 3, 1), strict=True):
        remove_application(one, uri, "one")
        assert len(view_tags(uri, "one")) >= left if left > 1 else set(view_tags(uri, "one")) == {theirs}
