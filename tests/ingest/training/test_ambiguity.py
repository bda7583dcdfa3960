"""How sure the fits of trials that ran at once are."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from afterglow.ingest.training.evidence import EVER, Evidence, FoldPlan
from afterglow.ingest.training.mllib.ambiguity import order_holds
from afterglow.ingest.training.mllib.job_assignment import CONFIDENCE, find_trees

from .builders import Log


def candidates(log: Log, plans: Mapping[int, FoldPlan] | None = None) -> list[int]:
    evidence = log.evidence()
    (search,) = find_trees(Evidence(evidence.jobs, evidence.rdds, {}, plans or {}))
    assert search.concurrent
    fits = sorted(search.fits, key=lambda fit: (fit.trial or 0, fit.fold or 0))
    counts = {round(CONFIDENCE["plan"] * order_holds(count), 6): count for count in range(1, 9)}
    return [counts[round(fit.confidence, 6)] for fit in fits]


def two_at_once(second_fit_ends: int) -> Log:
    """Trainings from 10 to 25 and from 20 on; their evaluations begin at 40 and 90."""
    log = Log()
    train, validate = log.fold(0.0, 0.5)
    own = [log.rdd(parents=(train,)) for _ in range(2)]
    scores = [log.rdd(parents=(validate,)) for _ in range(2)]
    log.job("treeAggregate at Loss.scala:1", train, own[0], ends=15)
    log.job("treeAggregate at Loss.scala:1", train, own[1], ends=second_fit_ends)
    log.at = 30
    for evaluation in range(2):
        log.job("collect at Metrics.scala:1", validate, scores[evaluation], ends=400)
        log.at += 40
    return log


def test_a_training_that_ended_before_the_other_was_evaluated_may_be_either() -> None:
    assert candidates(two_at_once(10)) == [2, 2]


def test_a_training_that_ended_after_the_other_s_evaluation_began_is_certain() -> None:
    assert candidates(two_at_once(30)) == [1, 1]


def test_one_trial_after_the_other_is_certain() -> None:
    log = Log()
    fold = log.fold(0.0, 0.5)
    log.trial(*fold)
    log.trial(*fold)
    (search,) = find_trees(log.evidence())
    assert not search.concurrent and {fit.confidence for fit in search.fits} == {CONFIDENCE["plan"]}


@pytest.mark.parametrize(("apart", "count"), [(150, 2), (250, 1)])
def test_trainings_that_ended_far_apart_keep_their_order_where_the_log_has_the_executions(
    apart: int, count: int
) -> None:
    log = Log()
    train, validate = log.fold(0.0, 0.5)
    own, scores = [log.rdd(parents=(train,)) for _ in range(2)], [log.rdd(parents=(validate,)) for _ in range(2)]
    for rdd in own:
        log.job("treeAggregate at Loss.scala:1", train, rdd, ends=15 if rdd == own[0] else 5 + apart)
    log.at += apart + 20
    plans = {}
    for number, rdd in enumerate(scores):
        log.job("collect at Metrics.scala:1", validate, rdd, ends=40)
        job = log.jobs[-1] = replace(log.jobs[-1], plans=frozenset({number}))
        plans[number] = FoldPlan(job.at, EVER, frozenset({number + 100}))
    assert candidates(log, plans) == [count, count]
    log.jobs = [replace(job, plans=frozenset()) for job in log.jobs]
    assert candidates(log) == [2, 2]
