"""Every job's place: the search it works for, its trial, fold and phase."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from .around import prepared, refitted, strays
from .evidence import Evidence, Job
from .searches import Search, Work, find_searches
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
    search: Search
    fits: dict[tuple[int, int], list[tuple[Job, Phase]]] = field(default_factory=dict)
    prepare: list[Job] = field(default_factory=list)
    refit: list[Job] = field(default_factory=list)
    at_once: bool = False
    outer: tuple[str, int, int] | None = None
    """The uid, trial and fold of the search that this one is part of."""

    @property
    def jobs(self) -> list[Job]:
        """All its jobs, by start."""
        found = [*self.prepare, *self.refit, *(job for jobs in self.fits.values() for job, _ in jobs)]
        return sorted(found, key=lambda job: job.at)


def find_places(evidence: Evidence) -> tuple[dict[int, Place], list[Tuning]]:
    """Job id -> place for every job of a search, and the searches. Jobs outside have no place."""
    searches = find_searches(evidence)
    tunings = [Tuning(uid, search) for uid, search in zip(_names(searches), searches, strict=True)]
    depth: dict[int, int] = {}
    places: dict[int, Place] = {}
    for tuning in tunings:
        _number(tuning)
        for work in tuning.search.work:
            job = work.job
            if work.depth > depth.get(job.job_id, -2):
                depth[job.job_id] = work.depth
                places[job.job_id] = _place_in(tuning, job)
    by_uid = {tuning.uid: tuning for tuning in tunings}
    for tuning in tunings:
        tuning.outer = _outer(tuning, tunings, depth)
    # From the innermost outward: a refit inside a search is training of the search around it.
    for tuning in sorted(tunings, key=lambda t: t.outer is None):
        context = by_uid.get(tuning.outer[0]) if tuning.outer else None
        tuning.prepare = prepared(tuning.search, evidence, places, context.uid if context else None)
        tuning.refit = refitted(tuning.search, [t.search for t in tunings], evidence, places, context.uid if context else None)
        for phase, jobs in (("prepare", tuning.prepare), ("refit", tuning.refit)):
            for job in jobs:
                places[job.job_id] = Place(tuning.uid, None, None, phase)  # type: ignore[arg-type]
    for tuning in tunings:
        for job, before in strays(tuning.search, [t.search for t in tunings if t is not tuning], evidence, places):
            place = places[before.job_id]
            places[job.job_id] = place
            if place.uid == tuning.uid and place.trial is not None and place.fold is not None:
                tuning.fits[place.trial, place.fold].append((job, place.phase))
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


def _number(tuning: Tuning) -> None:
    """Folds by their place in the split, trials of a fold by the order in which they began."""
    folds: dict[float, list[Work]] = {}
    for work in tuning.search.work:
        folds.setdefault(work.fold, []).append(work)
    for fold, jobs in folds.items():
        number = _fold_number(fold, tuning.search)
        trials, at_once = split_fold(jobs)
        tuning.at_once = tuning.at_once or at_once
        for trial, of_trial in enumerate(trials):
            tuning.fits.setdefault((trial, number), []).extend(
                (work.job, "fit" if work.side == "train" else "evaluate") for work in of_trial
            )


def _fold_number(fold: float, search: Search) -> int:
    if search.source == "plan" and search.num_folds:
        return round(fold * search.num_folds)
    return int(fold)


def _place_in(tuning: Tuning, job: Job) -> Place:
    for (trial, fold), jobs in tuning.fits.items():
        for other, phase in jobs:
            if other is job:
                return Place(tuning.uid, trial, fold, phase)
    raise AssertionError("every work of a search is in one of its fits")


def _outer(tuning: Tuning, tunings: Sequence[Tuning], depth: Mapping[int, int]) -> tuple[str, int, int] | None:
    """The search around this one: of the others its first job works for, the one that is deepest."""
    first = tuning.search.work[0]
    found = [
        (work.depth, other)
        for other in tunings
        if other is not tuning
        for work in other.search.work
        if work.job is first.job and work.depth < first.depth
    ]
    if not found:
        return None
    place = _place_in(max(found, key=lambda pair: pair[0])[1], first.job)
    return None if place.trial is None or place.fold is None else (place.uid, place.trial, place.fold)
