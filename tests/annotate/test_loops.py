"""Trials of a plain loop: params, metric, status and jobs of each, and one search per loop."""

from typing import Any

import pytest

from afterglow import annotate
from afterglow.annotate import event_queue
from afterglow.ingest.annotations import apply_annotations
from afterglow.ingest.annotations.read import JobAnnotations
from afterglow.ingest.arrow import from_rows
from afterglow.schemas.annotations import FOLD, PHASE, TRIAL, TUNING_ID
from afterglow.schemas.spark import REDACTED
from afterglow.schemas.tables import FITS, TASK_METRICS, TASKS, TRIALS, TUNINGS


def _tables(events: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    names = {event["id"]: event["uid"] for event in events if event["event"] == "tuning_start"}
    empty = {table.name: from_rows(table, []) for table in (TUNINGS, TRIALS, FITS, TASK_METRICS, TASKS)}
    applied = apply_annotations(empty, JobAnnotations(tuple(events), names), ended=True)
    return {name: table.to_pylist() for name, table in applied.tables.items()}


@pytest.mark.spark
@pytest.mark.slow
def test_a_loop_is_one_search_with_the_params_and_metrics_of_its_trials(
    spark: Any, log: Any, local_properties: Any
) -> None:
    before = local_properties()
    for depth in (2, 3):
        with annotate.trial({"depth": depth, "api_key": "hunter2"}) as trial:
            spark.sparkContext._jsc.parallelize([1] * depth, depth).count()
            trial.log_metric("auc", depth / 7)
    with pytest.raises(KeyError), annotate.trial({"depth": 4, "api_key": "x"}):
        raise KeyError("broken")
    with annotate.trial({"other": 1}):
        pass
    assert local_properties() == before
    annotate.disable()
    written = log.read()
    jobs = [(job["tasks"], job[TRIAL], job[FOLD], job[PHASE]) for job in written.jobs]
    assert jobs == [(2, "0", "0", "fit"), (3, "1", "0", "fit")]
    assert len({job[TUNING_ID] for job in written.jobs}) == 1

    tables = _tables(written.events)
    loop, other = tables["tunings"]
    assert (loop["kind"], loop["framework"], loop["status"], loop["num_trials"]) == ("loop", "loop", "FINISHED", 3)
    assert (loop["metric_name"], other["num_trials"]) == ("auc", 1)
    trials = [row for row in tables["trials"] if row["tuning_uid"] == loop["tuning_uid"]]
    assert [row["avg_metric"] for row in trials] == [2 / 7, 3 / 7, None]
    assert [row["status"] for row in trials] == ["FINISHED", "FINISHED", "FAILED"]
    assert trials[0]["params_json"] == f'{{"depth": 2, "api_key": "{REDACTED}"}}'


def test_a_failure_of_ours_does_not_reach_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(event_queue, "now_ms", fail)
    monkeypatch.setattr("afterglow.annotate.never_raise.warn_once", lambda *_: None)
    with annotate.trial({"depth": 2}) as trial:
        trial.log_metric("auc", 0.5)
    assert trial.metrics == {"auc": 0.5}
