"""The searches of the sample logs, against the truth that was written down while the jobs ran."""

import json
from typing import Any

import pytest

from afterglow.ingest import pipeline
from afterglow.ingest.derive import derive

from ....conftest import SAMPLES, sample_log


@pytest.fixture(params=["cv-pipeline", "tvs-forest"])
def searched(request: pytest.FixtureRequest) -> tuple[Any, dict[str, Any]]:
    (log,) = pipeline.find_logs([str(sample_log(request.param))])
    return pipeline.read_log(log), json.loads((SAMPLES / request.param / "truth.json").read_text())


def test_every_job_has_its_true_place(searched: tuple[Any, dict[str, Any]]) -> None:
    tables, truth = searched
    want = {int(job): (place["uid"], place.get("index"), place.get("fold")) for job, place in truth["jobs"].items()}
    got = {
        row["job_id"]: (row["tuning_uid"], row["trial"], row["fold"])
        for row in tables["jobs"].to_pylist()
        if row["tuning_uid"]
    }
    assert got == want


def test_the_search_is_described_as_it_was(searched: tuple[Any, dict[str, Any]]) -> None:
    tables, truth = searched
    (row,), (told,) = tables["tunings"].to_pylist(), truth["tunings"]
    assert (row["kind"], row["source"], row["status"]) == (told["kind"], "plan", "FINISHED")
    assert row["num_trials"] == len(told["param_maps"])
    assert row["num_folds"] == told.get("num_folds", 1)
    assert row["evaluator_class"] == told["evaluator"]
    assert row["metric_name"] in (told["metric"], None)
    assert row["parallelism"] == 1
    assert len(tables["fits"]) == len(told["fits"])


def test_the_tree_hangs_together(searched: tuple[Any, dict[str, Any]]) -> None:
    tables, _ = searched
    tree = derive(tables)
    seen: set[str] = set()
    for run in tree.runs:
        assert run.parent is None or run.parent in seen
        assert run.key not in seen
        seen.add(run.key)
    levels = {run.level for run in tree.runs}
    assert {"tuning", "trial", "fit"} <= levels
    (tuning,) = [run for run in tree.runs if run.level == "tuning"]
    below = [run for run in tree.runs if run.level == "job" and run.tags.get("afterglow.tuning.uid")]
    assert tuning.metrics["tasks/total"] == sum(run.metrics["tasks/total"] for run in below)
    trials = [run for run in tree.runs if run.level == "trial"]
    fits = [run for run in tree.runs if run.level == "fit"]
    assert sum(r.metrics["jobs/total"] for r in trials) == sum(r.metrics["jobs/total"] for r in fits)
    assert all(run.start_ms >= tuning.start_ms for run in (*trials, *fits))
