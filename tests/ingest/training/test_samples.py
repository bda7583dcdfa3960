"""The searches of the sample logs, against the truth that was written down while the jobs ran."""

import json
from typing import Any

import pytest

from afterglow.ingest.application_view import ApplicationView
from afterglow.ingest.derive import derive
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.pipeline import read_log

from ...conftest import SAMPLES, sample_log


@pytest.fixture(params=["cv-pipeline", "tvs-forest"])
def searched(request: pytest.FixtureRequest) -> tuple[Any, dict[str, Any]]:
    (log,) = find_logs([str(sample_log(request.param))])
    return read_log(log), json.loads((SAMPLES / request.param / "truth.json").read_text())


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
    assert (row["kind"], row["framework"], row["source"]) == (told["kind"], "mllib", "exact")
    assert (row["found_by"], row["status"]) == ("plan", "FINISHED")
    assert row["num_trials"] == len(told["param_maps"])
    assert row["num_folds"] == told.get("num_folds", 1)
    assert row["evaluator_class"] == told["evaluator"]
    assert row["metric_name"] in (told["metric"], None)
    assert row["parallelism"] == 1
    assert len(tables["fits"]) == len(told["fits"])


def test_the_tree_hangs_together(searched: tuple[Any, dict[str, Any]]) -> None:
    tables, _ = searched
    tree = derive(ApplicationView(tables))
    seen: set[str] = set()
    for run in tree.all():
        assert run.parent is None or run.parent in seen
        assert run.key not in seen
        seen.add(run.key)
    levels = {run.level for run in tree.all()}
    assert {"tuning", "trial", "fit"} <= levels
    (tuning,) = [run for run in tree.all() if run.level == "tuning"]
    below = [run for run in tree.all() if run.level == "job" and run.tags.get("afterglow.tuning.uid")]
    assert tuning.metrics["tasks/total"] == sum(run.metrics["tasks/total"] for run in below)
    trials = [run for run in tree.all() if run.level == "trial"]
    of_trials = {run.key for run in trials}
    fits = [run for run in tree.all() if run.level == "fit" and run.parent in of_trials]  # a refit is of no trial
    assert sum(r.metrics["jobs/total"] for r in trials) == sum(r.metrics["jobs/total"] for r in fits)
    assert all(run.start_ms >= tuning.start_ms for run in (*trials, *fits))


def test_trials_and_fits_have_times_of_their_own(searched: tuple[Any, dict[str, Any]]) -> None:
    tables, _ = searched
    tree = derive(ApplicationView(tables))
    jobs = [run for run in tree.all() if run.level == "job"]
    for level in ("trial", "fit"):
        runs = [run for run in tree.all() if run.level == level]
        spans = [(run.start_ms, run.end_ms) for run in runs]
        assert len(set(spans)) == len(spans) > 1
        for run in runs:
            below = [job for job in jobs if job.parent and (job.parent + "/").startswith(run.key + "/")]
            assert (run.start_ms, run.end_ms) == (
                min(job.start_ms for job in below),
                max(job.end_ms or 0 for job in below),
            )


def test_estimators_and_evaluators_are_tags_of_the_search_and_its_jobs(
    searched: tuple[Any, dict[str, Any]],
) -> None:
    tables, truth = searched
    tree, (told,) = derive(ApplicationView(tables)), truth["tunings"]
    (tuning,) = [run for run in tree.all() if run.level == "tuning"]
    tuned = next(iter(told["param_maps"][0])).split(".")[0]  # of a pipeline the stage that the search varies
    assert (tuning.tags["afterglow.estimator"], tuning.tags["afterglow.evaluator"]) == (tuned, told["evaluator"])
    trained = [run for run in tree.all() if run.level == "job" and run.tags.get("afterglow.phase") == "fit"]
    assert {run.tags["afterglow.estimator"] for run in trained if "afterglow.estimator" in run.tags} == {tuned}
