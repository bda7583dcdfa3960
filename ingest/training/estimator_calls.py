"""Steps -> calls of an estimator's fit.

Steps of one estimator are one call until the first action of a step comes again. In threads, a step continues the call
that has waited longest.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from .estimator_steps import Step
from .evidence import Job

# packages below org.apache.spark.ml whose models no evaluator evaluates
_FEATURES = ("feature", "fpm")


@dataclass(slots=True)
class Call:
    """One call of fit: its steps by start, and the evaluations of its model."""

    estimator: str
    steps: list[Step]
    uid: str | None
    evaluations: list[Step] = field(default_factory=list)
    closed: bool = False
    candidates: int = 1
    """How many calls, itself included, its later steps may be of."""
    in_order: bool = False
    parent: "Call | None" = None
    extra: list[Job] = field(default_factory=list)

    @property
    def begin(self) -> int:
        """Position of its first job's start in the log."""
        return min([step.begin for step in self.steps] + [job.at for job in self.extra])

    @property
    def end(self) -> int:
        """Position of its last training job's end in the log."""
        return max([step.end for step in self.steps] + [job.end_at for job in self.extra])

    @property
    def predicts(self) -> bool:
        """It trains a model that can be evaluated, not a feature stage."""
        return not any(job.stack.package in _FEATURES for step in self.steps for job in step.jobs)

    def continues_with(self, step: Step) -> bool:
        """The step may be this fit's next one."""
        return (
            not self.closed
            and self.estimator == step.estimator
            and None in {self.uid, step.uid, *({self.uid} & {step.uid})}
            and step.action not in {known.action for known in self.steps}
            and self.end <= step.begin
        )


def overlapping_steps(steps: Sequence[Step]) -> set[int]:
    """The ids of the steps during which another one ran: those of threads.

    None if only evaluations overlap. The stages of one query run at the same time, and threads train at the same time
    too.
    """
    found: set[int] = set()
    latest: list[Step] = []
    for step in steps:
        latest = [other for other in latest if other.end > step.begin]
        found.update(id(other) for other in latest)
        if latest:
            found.add(id(step))
        latest.append(step)
    return found if any(step.estimator and id(step) in found for step in steps) else set()


def find_calls(steps: Sequence[Step], overlapping: Collection[int]) -> list[Call]:
    """The calls of fit that these steps are of, by start; `overlapping` are the ids of steps of threads."""
    calls: list[Call] = []
    for step in steps:
        mine = None
        if step.estimator is not None:
            waiting = [call for call in calls if call.continues_with(step)]
            if waiting:
                mine = min(waiting, key=lambda call: call.end)
                mine.candidates = max(mine.candidates, len(waiting))
                mine.steps.append(step)
            else:
                mine = Call(step.estimator, [step], step.uid)
                calls.append(mine)
            mine.uid = mine.uid or step.uid
        if id(step) not in overlapping:
            for call in calls:
                call.closed = call.closed or (call is not mine and call.end <= step.begin)
    return calls
