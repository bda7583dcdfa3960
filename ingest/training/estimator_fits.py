"""Every call of an MLlib estimator's fit outside searches, and the evaluation of its model, from stacks and RDDs.

A step is certainly one fit's (estimator_steps.py). Steps of one estimator are one fit until the first action of a step
comes again. An evaluation is of the model that was trained last; where several models were trained before, they are
paired in order. In threads, a step continues the fit that has waited longest. How many it could have been lowers the
confidence.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from .estimator_names import name_estimators
from .estimator_steps import OwnRdds, Step, find_steps
from .evidence import Evidence, Job
from .interface import EstimatorName, Fit, Recognition

# How sure it is that the steps of a fit are one call's, and that an evaluation in one thread is of the last model.
_CONFIDENCE = 0.95
_PAIRED_IN_ORDER = 0.6
# pyspark.traceback_utils.first_spark_call: the outermost PySpark function and the user's line
_PYTHON_FIT = "fit at "


@dataclass(slots=True)
class _Call:
    """One call of fit under way."""

    estimator: str
    steps: list[Step]
    uid: str | None
    evaluations: list[Step] = field(default_factory=list)
    closed: bool = False
    candidates: int = 1
    in_order: bool = False
    parent: "_Call | None" = None
    extra: list[Job] = field(default_factory=list)

    @property
    def begin(self) -> int:
        return min([step.begin for step in self.steps] + [job.at for job in self.extra])

    @property
    def end(self) -> int:
        return max([step.end for step in self.steps] + [job.end_at for job in self.extra])

    def continues_with(self, step: Step) -> bool:
        """The step may be this fit's next one."""
        return (
            not self.closed
            and self.estimator == step.estimator
            and None in {self.uid, step.uid, *({self.uid} & {step.uid})}
            and step.action not in {known.action for known in self.steps}
            and self.end <= step.begin
        )


def recognize(evidence: Evidence, claimed: Collection[int]) -> Recognition:
    """The fits of all jobs that no recognizer before has claimed."""
    names = name_estimators(evidence)
    own = OwnRdds(evidence)
    steps = find_steps(evidence, names, claimed, own)
    overlapping = _overlapping(steps)
    calls = _calls(steps, overlapping)
    _pair(calls, [step for step in steps if step.evaluator], overlapping)
    outer = _one_vs_rest(calls, evidence, claimed)
    _add_strays(calls, evidence, claimed, own)
    return _fits(sorted([*calls, *outer], key=lambda call: call.begin), outer)


def _overlapping(steps: Sequence[Step]) -> set[int]:
    """The ids of the steps during which another one ran: those of threads."""
    found: set[int] = set()
    latest: list[Step] = []
    for step in steps:
        latest = [other for other in latest if other.end > step.begin]
        found.update(id(other) for other in latest)
        if latest:
            found.add(id(step))
        latest.append(step)
    return found


def _calls(steps: Sequence[Step], overlapping: Collection[int]) -> list[_Call]:
    calls: list[_Call] = []
    for step in steps:
        mine = None
        if step.estimator is not None:
            waiting = [call for call in calls if call.continues_with(step)]
            if waiting:
                mine = min(waiting, key=lambda call: call.end)
                mine.candidates = max(mine.candidates, len(waiting))
                mine.steps.append(step)
            else:
                mine = _Call(step.estimator, [step], step.uid)
                calls.append(mine)
            mine.uid = mine.uid or step.uid
        if id(step) not in overlapping:
            for call in calls:
                call.closed = call.closed or (call is not mine and call.end <= step.begin)
    return calls


def _pair(calls: Sequence[_Call], evaluations: Sequence[Step], overlapping: Collection[int]) -> None:
    """Gives every evaluation to a fit that had ended before it began."""
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
            max(ended, key=lambda call: call.end).evaluations.append(step)
    _pair_in_order(calls)


def _evaluations_per_call(calls: Sequence[_Call], evaluations: Sequence[Step]) -> dict[tuple[str | None, str], int]:
    most = max(Counter(call.estimator for call in calls).values(), default=1)
    counts = Counter((step.evaluator, step.action) for step in evaluations)
    return {key: max(1, round(count / most)) for key, count in counts.items()}


def _pair_in_threads(step: Step, ended: Sequence[_Call], per_call: dict[tuple[str | None, str], int]) -> None:
    key = step.evaluator, step.action
    done = {id(call): sum((e.evaluator, e.action) == key for e in call.evaluations) for call in ended}
    waiting = [call for call in ended if done[id(call)] < per_call[key]] or list(ended)
    first = min(waiting, key=lambda call: (done[id(call)] == 0, call.end))
    first.evaluations.append(step)
    for call in waiting:
        call.candidates = max(call.candidates, len(waiting))


def _pair_in_order(calls: Sequence[_Call]) -> None:
    """Several models trained one after the other, then as many evaluations: the first is of the first model."""
    ordered = sorted(calls, key=lambda call: call.end)
    row: list[_Call] = []
    for call in ordered:
        row.append(call)
        if not call.evaluations:
            continue
        steps = call.evaluations
        kinds = Counter((step.evaluator, step.action) for step in steps)
        turns = min(kinds.values())
        same = [other for other in row if other.steps[0].action == call.steps[0].action]
        if turns > 1 and turns == len(same) and len(kinds) * turns == len(steps):
            each = len(steps) // turns
            for number, other in enumerate(same):
                other.evaluations = steps[number * each : (number + 1) * each]
                other.in_order = True
        row = []


def _one_vs_rest(calls: Sequence[_Call], evidence: Evidence, claimed: Collection[int]) -> list[_Call]:
    """PySpark's OneVsRest is Python: a look at the labels from its own fit, then a fit of its classifier per label."""
    found: list[_Call] = []
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


def _between(calls: Iterable[_Call], begin: int, end: int) -> bool:
    return any(begin < call.begin < end for call in calls)


def _classifiers(looks: list[Job], ordered: Sequence[_Call]) -> list[_Call]:
    after = [call for call in ordered if looks and call.begin > looks[-1].at]
    mine: list[_Call] = []
    for call in after:
        if mine and ((call.estimator, call.uid) != (mine[0].estimator, mine[0].uid) or mine[-1].evaluations):
            break
        mine.append(call)
    if len(mine) < 2:
        return []
    outer = _Call("OneVsRest", [], None, extra=list(looks))
    for call in mine:
        call.parent = outer
        outer.evaluations.extend(call.evaluations)
        call.evaluations = []
    return [outer]


def _add_strays(calls: Sequence[_Call], evidence: Evidence, claimed: Collection[int], own: OwnRdds) -> None:
    """Jobs without a stack that read what MLlib made for one fit are that fit's."""
    maker = {rdd: call for call in calls for step in call.steps for rdd in step.own}
    taken = {job.job_id for call in calls for step in (*call.steps, *call.evaluations) for job in step.jobs}
    for job in evidence.jobs:
        if job.job_id in claimed or job.job_id in taken or job.stack.shows_ml:
            continue
        makers = {id(maker[rdd]): maker[rdd] for rdd in own.of(job) if rdd in maker}
        if len(makers) == 1:
            (call,) = makers.values()
            if call.begin < job.at < call.end:
                call.extra.append(job)


def _fits(calls: Sequence[_Call], outer: Sequence[_Call]) -> Recognition:
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
            (_PAIRED_IN_ORDER if call.in_order else _CONFIDENCE) / call.candidates,
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
