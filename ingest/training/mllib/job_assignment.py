"""Every job's place: the search it works for, its trial, fold and phase."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..evidence import Evidence, Job
from .refit import prepared, refitted, strays
from .searches import Search, Work, find_searches
from .shared_folds import tell_apart
from .trials import split_fold

Phase = Literal["fit", "evaluate", "refit", "prepare"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job belongs. `trial` and `fold` are None for refit and prepare."""

    uid: str
    trial: int | None
    fold: int | None
    phase: Phase


@dataclass(slots=True)
class Tuning:
    """A search with its jobs in their places. `fits`: (trial, fold) -> the jobs of it, those of searches within too."""

    uid: str
    kind: str | None
    source: Literal["annotated", "plan", "lineage", "stack"]
    num_folds: int | None
    fits: dict[tuple[int, int], list[tuple[Job, Phase]]] = field(default_factory=dict)
    prepare: list[Job] = field(default_factory=list)
    refit: list[Job] = field(default_factory=list)
    at_once: bool = False
    candidates: dict[tuple[int, int], int] = field(default_factory=dict)
    """(trial, fold) -> how many trials its jobs may belong to, itself included: 1 is certain."""
    own: dict[int, Place] = field(default_factory=dict)
    """Job id -> its place in this search, whether or not a search within it claims the job."""
    outer: tuple[str, int, int] | None = None
    """The uid, trial and fold of the search that this one is part of."""

    @property
    def jobs(self) -> list[Job]:
        """All its jobs, by start."""
        found = [*self.prepare, *self.refit, *(job for jobs in self.fits.values() for job, _ in jobs)]
        return sorted(found, key=lambda job: job.at)

    def put(self, job: Job, place: Place) -> None:
        """Adds one job."""
        self.own[job.job_id] = place
        if place.phase in ("fit", "evaluate"):
            if place.trial is not None and place.fold is not None:
                self.fits.setdefault((place.trial, place.fold), []).append((job, place.phase))
        else:
            (self.refit if place.phase == "refit" else self.prepare).append(job)


def find_places(evidence: Evidence) -> tuple[dict[int, Place], list[Tuning]]:
    """Job id -> place for every job of a search, and the searches. Jobs outside have no place."""
    searches = find_searches(evidence)
    tell_apart(searches)
    searches = sorted((search for search in searches if search.work), key=lambda search: search.work[0].job.at)
    names = _names(searches)
    tunings = [Tuning(name, s.kind, s.source, s.num_folds) for name, s in zip(names, searches, strict=True)]
    pairs = list(zip(tunings, searches, strict=True))
    depth: dict[int, int] = {}
    places: dict[int, Place] = {}
    for tuning, search in pairs:
        _number(tuning, search)
        for work in search.work:
            job = work.job
            if work.depth > depth.get(job.job_id, -2):
                depth[job.job_id] = work.depth
                places[job.job_id] = tuning.own[job.job_id]
    for tuning, search in pairs:
        tuning.outer = _outer(search, pairs)
    # From the innermost outward: a refit inside a search is training of the search around it.
    for tuning, search in sorted(pairs, key=lambda pair: pair[0].outer is None):
        outer = tuning.outer[0] if tuning.outer else None
        around: tuple[tuple[Phase, list[Job]], ...] = (
            ("prepare", prepared(search, evidence, places, outer)),
            ("refit", refitted(search, searches, evidence, places, outer)),
        )
        for phase, jobs in around:
            for job in jobs:
                places[job.job_id] = Place(tuning.uid, None, None, phase)
                tuning.put(job, places[job.job_id])
    for tuning, search in pairs:
        for job, before in strays(search, [s for s in searches if s is not search], evidence, places):
            places[job.job_id] = places[before.job_id]
            if places[job.job_id].uid == tuning.uid:
                tuning.put(job, places[job.job_id])
    return places, tunings


def _names(searches: Sequence[Search]) -> list[str]:
    """A name per search: its uid where the log has it, with a number where one object was fitted again."""
    seen: dict[str, int] = {}
    names = []
    for search in searches:
        known = search.uid or search.kind or "search"
        seen[known] = seen.get(known, 0) + 1
        if search.uid:
            names.append(known if seen[known] == 1 else f"{known}.{seen[known]}")
        else:
            names.append(f"{known}_{seen[known]}")
    return names


def _number(tuning: Tuning, search: Search) -> None:
    """Folds by their place in the split, trials of a fold by the order in which they began."""
    folds: dict[float, list[Work]] = {}
    for work in search.work:
        folds.setdefault(work.fold, []).append(work)
    for fold, jobs in folds.items():
        number = round(fold * search.num_folds) if search.source == "plan" and search.num_folds else int(fold)
        trials, at_once = split_fold(jobs, search.plans)
        tuning.at_once = tuning.at_once or at_once
        for trial, of_trial in enumerate(trials):
            tuning.candidates[trial, number] = of_trial.candidates
            for work in of_trial.work:
                phase: Phase = "fit" if work.side == "train" else "evaluate"
                tuning.put(work.job, Place(tuning.uid, trial, number, phase))


def _outer(search: Search, pairs: Sequence[tuple[Tuning, Search]]) -> tuple[str, int, int] | None:
    """The search around this one: of the others its first job works for, the one that is deepest."""
    first = search.work[0]
    found = [
        (work.depth, tuning)
        for tuning, other in pairs
        if other is not search
        for work in other.work
        if work.job is first.job and work.depth < first.depth
    ]
    place = max(found, key=lambda pair: pair[0])[1].own.get(first.job.job_id) if found else None
    return None if place is None or place.trial is None or place.fold is None else (place.uid, place.trial, place.fold)
