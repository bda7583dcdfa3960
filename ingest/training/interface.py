"""What a recognizer returns: the searches and fits of one way to train, and the jobs and tasks that belong to them.

A recognizer is a function `recognize(evidence, claimed) -> Recognition`, one module (or folder) per framework, listed
in `recognizers.py`. It reads `Evidence` (see evidence.py) and never the event rows. `claimed` holds the ids of the jobs
that recognizers earlier in the list have claimed; a recognizer may ignore it, because `assignment.py` resolves every
conflict by one rule.

    def recognize(evidence: Evidence, claimed: Collection[int]) -> Recognition:
        search = Search("hyperopt_58742aa39cf8", "hyperopt", "exact", found_by="job group", kind="SparkTrials")
        for number, job in enumerate(jobs):
            search.fit(trial=number).jobs[job.job_id] = "fit"
        return Recognition([search])

A search has fits, and a fit has jobs, each with its phase. A trial that is a job is one fit with one job. A trial that
is a task is one fit with a `TaskKey` in `tasks`; its job then belongs to several trials, so give the job to the search
with `search.jobs[job_id] = "fit"`. A fit whose trial is unknown keeps `trial=None` and gets a `fit_uid`. A fit outside
every search is `Recognition.fits`; it always has a `fit_uid`, and `parent` where another fit called it (the stages of a
Pipeline). Loops over such fits become searches in `loops.py`, for every framework alike.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from .evidence import Evidence

Phase = Literal["fit", "evaluate", "refit", "prepare"]
Status = Literal["FINISHED", "FAILED", "RUNNING"]
Source = Literal["annotated", "exact", "inferred"]
"""How something was found: the job wrote it, the log holds it, or it follows from the shape of the jobs."""
PRECEDENCE: Mapping[Source, int] = {"annotated": 0, "exact": 1, "inferred": 2}


class TaskKey(NamedTuple):
    """Identifies one task attempt."""

    stage_id: int
    stage_attempt: int
    task_id: int


class EstimatorName(NamedTuple):
    """The class of an estimator and its uid, each None where the log does not have it."""

    estimator: str | None
    uid: str | None


class ParentFit(NamedTuple):
    """The fit of another search in which a search runs."""

    tuning_uid: str
    trial: int
    fold: int


@dataclass(frozen=True, slots=True)
class Assignment:
    """Where one job belongs. `trial` and `fold` are None for refit and prepare, and outside searches.

    `fit_uid` names the fit of an estimator outside searches, or a fit of a search whose trial is unknown."""

    tuning_uid: str | None
    trial: int | None
    fold: int | None
    phase: Phase | None
    fit_uid: str | None = None


@dataclass(slots=True)
class Fit:
    """One call of an estimator's fit with the evaluation of its model. In a search: one trial on one fold.

    `confidence` is the probability, from 0 to 1, that all its jobs are this fit's. `status` None is derived from the
    jobs; set it where a job's status is not the fit's.
    """

    framework: str
    source: Source
    confidence: float
    trial: int | None = None
    fold: int | None = None
    fit_uid: str | None = None
    parent: str | None = None
    """The `fit_uid` of the fit that called this one."""
    name: str | None = None
    """What the run is called; None is the estimator's class."""
    estimator: str | None = None
    estimator_uid: str | None = None
    jobs: dict[int, Phase] = field(default_factory=dict)
    tasks: list[TaskKey] = field(default_factory=list)
    params: Mapping[str, object] | None = None
    metric: float | None = None
    status: Status | None = None


@dataclass(slots=True)
class Search:
    """One search: its fits, and the jobs before and after them."""

    uid: str
    framework: str
    source: Source
    confidence: float = 1.0
    found_by: str | None = None
    """Which evidence gave it away: plan, stack, lineage, job group, operation, ..."""
    kind: str | None = None
    num_folds: int | None = None
    num_trials: int | None = None
    """None: as many as its fits have."""
    fits: list[Fit] = field(default_factory=list)
    jobs: dict[int, Phase] = field(default_factory=dict)
    """Jobs that do not belong to one fit: prepare, refit, and jobs of several trials at once."""
    params: dict[int, Mapping[str, object]] = field(default_factory=dict)
    """Trial -> its param map, where the log has it."""
    trial_status: dict[int, Status] = field(default_factory=dict)
    """Trial -> its status, where that is not the worst of its fits."""
    estimator: str | None = None
    estimator_uid: str | None = None
    evaluator: str | None = None
    metric: str | None = None
    best_trial: int | None = None
    parallelism: int | None = None
    """As configured, where the log has it; None: as observed."""
    paired: bool = True
    """False: trainings and evaluations cannot be paired to trials. Its fits then have no trial, and `confidence` is
    that of the trials it would have had."""
    concurrent: bool = True
    """False: its fits ran one after the other although their spans touch."""
    ends_with_refit: bool = False
    """A search of this kind that came to its end has trained the best trial again."""
    status: Status | None = None
    parent: ParentFit | None = None

    def fit(self, trial: int | None = None, fold: int | None = None) -> Fit:
        """The fit of this trial and fold, added where it is new; without a trial always a new one."""
        if trial is not None:
            for known in self.fits:
                if (known.trial, known.fold) == (trial, fold):
                    return known
        self.fits.append(Fit(self.framework, self.source, self.confidence, trial, fold))
        return self.fits[-1]

    def job_ids(self) -> set[int]:
        """Every job of it, those of searches within its fits too."""
        return set(self.jobs).union(*(fit.jobs for fit in self.fits))


@dataclass(frozen=True, slots=True)
class Recognition:
    """What one recognizer found. `estimators` names the estimator of single jobs better than their stacks do."""

    searches: list[Search] = field(default_factory=list)
    fits: list[Fit] = field(default_factory=list)
    estimators: Mapping[int, EstimatorName] = field(default_factory=dict)

    def job_ids(self) -> set[int]:
        """Every job that it claims."""
        of_searches = (search.job_ids() for search in self.searches)
        return set[int]().union(*of_searches, *(fit.jobs for fit in self.fits))


class Recognizer(Protocol):
    """Finds the searches and fits of one framework; `claimed`: ids of jobs that earlier recognizers claimed."""

    def __call__(self, evidence: Evidence, claimed: Collection[int]) -> Recognition:
        """The searches and fits of the framework; empty if the evidence shows none."""
        ...
