"""Jobs and events of a plain loop's trials: params, metric and status of each, and one search per loop."""

from __future__ import annotations

from typing import Any

import pytest

from afterglow import annotate
from afterglow.annotate import event_queue
from afterglow.schemas.annotations import FOLD, PHASE, TRIAL, TUNING_ID
from afterglow.schemas.spark import REDACTED


@pytest.mark.spark
@pytest.mark.slow
def test_jobs_carry_their_trial_and_events_its_params_and_metric(spark: Any, log: Any, local_properties: Any) -> None:
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
    loop, other = written.events_of("tuning_start")
    assert {job[TUNING_ID] for job in written.jobs} == {loop["id"]}
    ends = written.events_of("fit_end")
    assert [(end["id"], end["trial"]) for end in ends] == [
        (loop["id"], 0),
        (loop["id"], 1),
        (loop["id"], 2),
        (other["id"], 0),
    ]
    assert [end.get("metric") for end in ends] == [2 / 7, 3 / 7, None, None]
    assert [end["status"] for end in ends] == ["FINISHED", "FINISHED", "FAILED", "FINISHED"]
    assert ends[0]["params"] == {"depth": 2, "api_key": REDACTED}


def test_a_failure_of_ours_does_not_reach_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(event_queue, "now_ms", fail)
    monkeypatch.setattr("afterglow.annotate.never_raise.warn_once", lambda *_: None)
    with annotate.trial({"depth": 2}) as trial:
        trial.log_metric("auc", 0.5)
    assert trial.metrics == {"auc": 0.5}
