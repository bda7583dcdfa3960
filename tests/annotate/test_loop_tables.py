"""The tables of a plain loop: one search, and each trial with its params, metric and status."""

from __future__ import annotations

from typing import Any

import pytest

from afterglow import annotate
from afterglow.ingest.annotations import apply_annotations
from afterglow.ingest.annotations.read import JobAnnotations
from afterglow.ingest.arrow import from_rows
from afterglow.schemas.tables import FITS, TASK_METRICS, TASKS, TRIALS, TUNINGS


def rebuilt(events: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The tables of these events, without those of the jobs."""
    names = {event["id"]: event["uid"] for event in events if event["event"] == "tuning_start"}
    empty = {table.name: from_rows(table, []) for table in (TUNINGS, TRIALS, FITS, TASK_METRICS, TASKS)}
    applied = apply_annotations(empty, JobAnnotations(tuple(events), names, {}), {}, {}, ended=True)
    return {name: table.to_pylist() for name, table in applied.tables.items()}


@pytest.mark.spark
@pytest.mark.slow
def test_a_loop_is_one_search(spark: Any, log: Any) -> None:
    for depth in (2, 3):
        with annotate.trial({"maxDepth": depth}) as trial:
            spark.sparkContext._jsc.parallelize([1] * depth, depth).count()
            trial.log_metric("auc", depth / 7)
    with pytest.raises(KeyError), annotate.trial({"maxDepth": 4}):
        raise KeyError("broken")
    with annotate.trial({"rate": 1}):
        pass
    annotate.disable()
    tables = rebuilt(log.read().events)
    loop, other = tables["tunings"]
    assert (loop["kind"], loop["framework"], loop["status"], loop["num_trials"]) == ("loop", "loop", "FINISHED", 3)
    assert (loop["metric_name"], other["num_trials"]) == ("auc", 1)
    trials = [row for row in tables["trials"] if row["tuning_uid"] == loop["tuning_uid"]]
    assert [row["avg_metric"] for row in trials] == [2 / 7, 3 / 7, None]
    assert [row["status"] for row in trials] == ["FINISHED", "FINISHED", "FAILED"]
    assert trials[0]["params_json"] == '{"maxDepth": 2}'
