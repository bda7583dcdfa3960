"""Every call of an MLlib estimator's fit outside searches, and the evaluation of its model, from stacks and RDDs.

An evaluation is of the model that was trained last; where several models were trained before, they are paired in order.
In threads, it is of the model that has waited longest. How many it could have been lowers the confidence.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from .estimator_calls import Call, find_calls, overlapping_steps
from .estimator_names import name_estimators
from .estimator_steps import OwnRdds, Step, find_steps
from .evidence import Evidence, Job
from .interface import EstimatorName, Fit, Recognition
from .mllib.ambiguity import order_holds

# How sure it is that the steps of a fit are one call's, and that an evaluation in one thread is of the last model.
_CONFIDENCE = 0.95
_PAIRED_IN_ORDER = 0.6
# pyspark.traceback_utils.first_spark_call: the outermost PySpark function and the user's line
_PYTHON_FIT = "fit at "


def recognize(evidence: Evidence, claimed: Collection[int]) -> Recognition:
    """The fits of all jobs that no recognizer before has claimed."""
    names = name_estimators(evidence)
    own = OwnRdds(evidence)
    steps = find_steps(evidence, names, claimed, own)
    overlapping = overlapping_steps(steps)
    calls = find_calls(steps, overlapping)
    searching = [(job.at, job.end_at) for job in evidence.jobs if job.job_id in claimed]
    _pair(calls, [step for step in steps if step.evaluator], overlapping, searching)
    outer = _one_vs_rest(calls, evidence, claimed)
    _add_strays(calls, evidence, claimed, own)
    return _fits(sorted([*calls, *outer], key=lambda call: call.begin), outer)


def _pair(
    calls: Sequence[Call],
    evaluations: Sequence[Step],
    overlapping: Collection[int],
    searching: Sequence[tuple[int, int]],
) -> None:
    """Gives every evaluation to a fit that had ended before it began; not where a search, whose jobs' spans are
    `searching`, ended in between: then it is of the search's best model."""
    per_call = _evaluations_per_call(calls, evaluations)
    for step in evaluations:
        ended = [call for call in calls if call.end <= step.begin]
        if not ended:
            continue  # the model was loaded
        shared = [call for call in ended if any(part.own & step.own for part in call.steps)]
        if shared:
            max(shared, key=lambda call: call.end).evaluations.append(step)
        elif id(step) in overlapping:
            _pair_in_threads(step, ended, per_call)
        else:
            last = max(ended, key=lambda call: call.end)
            if not any(last.end < begin and end <= step.begin for begin, end in searching):
                last.evaluations.append(step)
    if not overlapping:
        _pair_in_order(calls)


def _evaluations_per_call(calls: Sequence[Call], evaluations: Sequence[Step]) -> dict[tuple[str | None, str], int]:
    most = max(Counter(call.estimator for call in calls).values(), default=1)
    counts = Counter((step.evaluator, step.action) for step in evaluations)
    return {key: max(1, round(count / most)) for key, count in counts.items()}


def _pair_in_threads(step: Step, ended: Sequence[Call], per_call: dict[tuple[str | None, str], int]) -> None:
    key = step.evaluator, step.action
    done = {id(call): sum((e.evaluator, e.action) == key for e in call.evaluations) for call in ended}
    waiting = [call for call in ended if done[id(call)] < per_call[key]] or list(ended)
    first = min(waiting, key=lambda call: (done[id(call)] == 0, call.end))
    first.evaluations.append(step)
    for call in waiting:
        call.candidates = max(call.candidates, len(waiting))


def _pair_in_order(calls: Sequence[Call]) -> None:
    """Several models trained one after the other, then evaluations: of as many the first is of the first model.

    Otherwise they stay with the last model, which is less sure than with one model.
    """
    row: list[Call] = []
    for call in sorted(calls, key=lambda call: call.end):
        if call.predicts:
            row.append(call)
        if not call.evaluations:
            continue
        steps = call.evaluations
        kinds = Counter((step.evaluator, step.action) for step in steps)
        turns = min(kinds.values())
        if len(row) > 1:
            call.in_order = True
        if 1 < turns == len(row) and len(kinds) * turns == len(steps):
            each = len(steps) // turns
            for number, other in enumerate(row):
                other.evaluations = steps[number * each : (number + 1) * each]
                other.in_order = True
        row = []


def _one_vs_rest(calls: Sequence[Call], evidence: Evidence, claimed: Collection[int]) -> list[Call]:
    """PySpark's OneVsRest is Python: a look at the labels from its own fit, then a fit of its classifier per label."""
    found: list[Call] = []
    looks: list[Job] = []
    ordered = sorted(calls, key=lambda call: call.begin)
    in_steps = {job.job_id for call in calls for step in (*call.steps, *call.evaluations) for job in step.jobs}
    for job in evidence.jobs:
        if job.job_id in claimed or job.job_id in in_steps or not job.action.startswith(_PYTHON_FIT):
            continue
        if looks and job.action == looks[-1].action and not _between(ordered, looks[-1].at, job.at):
            looks.append(job)
        else:
            found.extend(_classifiers(looks, ordered))
            looks = [job]
    found.extend(_classifiers(looks, ordered))
    return found


def _between(calls: Iterable[Call], begin: int, end: int) -> bool:
    return any(begin < call.begin < end for call in calls)


def _classifiers(looks: list[Job], ordered: Sequence[Call]) -> list[Call]:
    after = [call for call in ordered if looks and call.begin > looks[-1].at]
    mine: list[Call] = []
    for call in after:
        if mine and ((call.estimator, call.uid) != (mine[0].estimator, mine[0].uid) or mine[-1].evaluations):
            break
        mine.append(call)
    if len(mine) < 2:
        return []
    outer = Call("OneVsRest", [], None, extra=list(looks))
    for call in mine:
        call.parent = outer
        outer.evaluations.extend(call.evaluations)
        call.evaluations = []
    return [outer]


def _add_strays(calls: Sequence[Call], evidence: Evidence, claimed: Collection[int], own: OwnRdds) -> None:
    """Jobs without a stack that read what MLlib made for one fit are that fit's; of an estimator of another library,
    which trains in a thread of its own, those that read what its other jobs read."""
    maker = {rdd: call for call in calls for step in call.steps for rdd in step.own}
    others = [call for call in calls if call.steps and call.steps[0].jobs[0].stack.is_of_another_library]
    read = {rdd: call for call in others for step in call.steps for job in step.jobs for rdd in own.unshared(job)}
    taken = {job.job_id for call in calls for step in (*call.steps, *call.evaluations) for job in step.jobs}
    for job in evidence.jobs:
        if job.job_id in claimed or job.job_id in taken or job.stack.shows_ml:
            continue
        makers = {id(maker[rdd]): maker[rdd] for rdd in own.of(job) if rdd in maker}
        makers.update({id(read[rdd]): read[rdd] for rdd in own.unshared(job) if rdd in read})
        if len(makers) == 1:
            (call,) = makers.values()
            if call.begin < job.at < call.end:
                call.extra.append(job)


def _fits(calls: Sequence[Call], outer: Sequence[Call]) -> Recognition:
    uids: dict[int, str] = {}
    seen: Counter[str] = Counter()
    for call in calls:
        known = call.uid or call.estimator
        seen[known] += 1
        number = seen[known]
        uids[id(call)] = f"{known}_{number}" if call.uid is None else known if number == 1 else f"{known}.{number}"
    fits = []
    for call in calls:
        fit = Fit(
            "mllib",
            "inferred" if call.in_order or call.candidates > 1 or not call.steps else "exact",
            (_PAIRED_IN_ORDER if call.in_order else _CONFIDENCE) * order_holds(call.candidates),
            fit_uid=uids[id(call)],
            parent=uids[id(call.parent)] if call.parent else None,
            estimator=call.estimator,
            estimator_uid=call.uid,
        )
        training = [job for step in call.steps for job in step.jobs] + call.extra
        fit.jobs.update({job.job_id: "fit" for job in sorted(training, key=lambda job: job.at)})
        fit.jobs.update({job.job_id: "evaluate" for step in call.evaluations for job in step.jobs})
        fits.append(fit)
    named = {job.job_id: EstimatorName(call.estimator, None) for call in outer for job in call.extra}
    return Recognition(fits=fits, estimators=named)
