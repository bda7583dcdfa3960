"""Markers -> searches: assign every marked RDD to a call of `fit`, and every job to the folds that it reads."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..evidence import Evidence, FoldPlan, Job, Rdd
from .fold_markers import (
    FoldMarker,
    Side,
    Source,
    is_check,
    mark_checked,
    mark_cut_names,
    marker_of_text,
    markers_of_rdds,
)

# org.apache.spark.sql.execution.SQLExecutionRDD: the first RDD of Dataset.rdd (3.4)
_SQL_RDD = "SQLExecutionRDD"


@dataclass(slots=True)
class SearchCall:
    """One call of a search's `fit`, and the jobs that read its folds."""

    kind: str | None
    uid: str | None
    source: Source
    num_folds: int | None
    fold_jobs: list["FoldJob"] = field(default_factory=list)
    plans: Mapping[int, FoldPlan] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FoldJob:
    """A job of one fold of a search: the data it reads, and its RDDs that are derived from the fold's data."""

    job: Job
    fold: float
    side: Side
    own: frozenset[int]
    depth: int
    """How far in the search is nested in the others the job works for: the marked RDD's id."""


def find_searches(evidence: Evidence) -> list[SearchCall]:
    """The searches with at least one job, ordered by their first job. A job of nested searches is in the fold_jobs of
    each."""
    markers = markers_of_rdds(evidence.rdds)
    evaluating = (job.rdds for job in evidence.jobs if job.stack.evaluator)
    mark_cut_names(evidence.rdds, markers, frozenset().union(*evaluating))
    mark_checked(evidence.jobs, markers)
    search_of: dict[int, SearchCall] = {}
    by_column: dict[tuple[str, ...], SearchCall] = {}
    for calls in _calls(markers):
        first = markers[calls[0]]
        search = SearchCall(first.kind, first.uid, first.source, first.num_folds, plans=evidence.plans)
        for rdd_id in calls:
            search_of[rdd_id] = search
            by_column[markers[rdd_id].search] = search
    above = _Above(evidence.rdds)
    for job in evidence.jobs:
        if is_check(job):
            continue
        found = {rdd_id: markers[rdd_id] for rdd_id in job.rdds if rdd_id in search_of}
        if not found:
            found = _planned(job, evidence, by_column, markers, search_of)
        if found:
            _assign(job, found, search_of, above)
    searches = list({id(search): search for search in search_of.values()}.values())
    kept = [search for search in searches if search.fold_jobs and _believable(search)]
    return sorted(kept, key=lambda search: search.fold_jobs[0].job.at)


def _planned(
    job: Job,
    evidence: Evidence,
    by_column: Mapping[tuple[str, ...], SearchCall],
    markers: dict[int, FoldMarker],
    search_of: dict[int, SearchCall],
) -> dict[int, FoldMarker]:
    """Mark the first RDD of a job by the job's plan, for this job and for jobs that read the same RDD.

    A fold is not always cached: another search over the same data may have unpersisted the data that both share.
    """
    begins = [rdd_id for rdd_id in job.rdds if rdd_id in evidence.rdds and evidence.rdds[rdd_id].name == _SQL_RDD]
    if len(begins) != 1:
        return {}
    for execution in sorted(job.plans):
        for text in evidence.filters.get(execution, ()):
            marker = marker_of_text(text)
            if marker is not None and marker.search in by_column:
                markers[begins[0]], search_of[begins[0]] = marker, by_column[marker.search]
                return {begins[0]: marker}
    return {}


def _believable(search: SearchCall) -> bool:
    """Samples count only if a stack trace shows the search, because users also call MLUtils.kFold and randomSplit."""
    return search.source != "stack" or any(item.job.stack.search == search.kind for item in search.fold_jobs)


def _calls(markers: Mapping[int, FoldMarker]) -> Iterable[list[int]]:
    """The marked RDDs of every call of `fit`, ordered by id."""
    families: dict[tuple[str, ...], list[int]] = {}
    for rdd_id in sorted(markers):
        marker = markers[rdd_id]
        families.setdefault(marker.search[:2], []).append(rdd_id)
    for ids in families.values():
        if not _repeats(ids, markers):
            yield ids
            continue
        # The same search was fitted again. Each call creates its own random column, with its own attribute id. A fold
        # may also recur under one attribute, if a concurrent search has dropped it from the cache.
        by_attribute: dict[tuple[str, ...], list[int]] = {}
        for rdd_id in ids:
            by_attribute.setdefault(markers[rdd_id].search, []).append(rdd_id)
        by_call = list(by_attribute.values())
        if markers[ids[0]].source != "plan" or any(len(of_attribute) < 2 for of_attribute in by_call):
            yield from _in_turn(
                ids, markers
            )  # Spark Connect analyses every request anew, so attributes cannot be compared
        else:
            yield from by_call


def _repeats(ids: Sequence[int], markers: Mapping[int, FoldMarker]) -> bool:
    return len({(markers[i].fold, markers[i].side) for i in ids}) < len(ids)


def _in_turn(ids: Sequence[int], markers: Mapping[int, FoldMarker]) -> Iterable[list[int]]:
    call: list[int] = []
    for rdd_id in ids:
        if call and _repeats([*call, rdd_id], markers):
            yield call
            call = []
        call.append(rdd_id)
    if call:
        yield call


def _assign(job: Job, found: Mapping[int, FoldMarker], search_of: Mapping[int, SearchCall], above: "_Above") -> None:
    per_search: dict[int, list[int]] = {}
    for rdd_id in sorted(found):
        per_search.setdefault(id(search_of[rdd_id]), []).append(rdd_id)
    for ids in per_search.values():
        # A model may contain its training data (the factors of ALS), so a job that reads the validation side is an
        # evaluation.
        validation = [rdd_id for rdd_id in ids if found[rdd_id].side == "validate"]
        marker = found[(validation or ids)[-1]]
        own = frozenset().union(*(above.of(rdd_id, job.rdds) for rdd_id in ids)) | _starts(ids, above.rdds)
        search_of[ids[0]].fold_jobs.append(FoldJob(job, marker.fold, marker.side, own, ids[-1]))


def _starts(ids: Iterable[int], rdds: Mapping[int, Rdd]) -> frozenset[int]:
    return frozenset(rdd_id for rdd_id in ids if rdds[rdd_id].name == _SQL_RDD)


class _Above:
    """The RDDs that are derived from a marked one. A fold's own cached copy (Scala caches the sample) does not
    count."""

    def __init__(self, rdds: Mapping[int, Rdd]) -> None:
        self.children: dict[int, list[int]] = {}
        for rdd in rdds.values():
            for parent in rdd.parents:
                self.children.setdefault(parent, []).append(rdd.rdd_id)
        self.rdds = rdds
        self.known: dict[int, frozenset[int]] = {}

    def of(self, rdd_id: int, among: frozenset[int]) -> frozenset[int]:
        """The RDDs of `among` that are derived from this RDD."""
        if rdd_id not in self.known:
            self.known[rdd_id] = self._descendants(rdd_id)
        return self.known[rdd_id] & among

    def _descendants(self, rdd_id: int) -> frozenset[int]:
        below = self._copy(rdd_id)
        found: set[int] = set()
        pending = [rdd_id]
        while pending:
            for child in self.children.get(pending.pop(), ()):
                if child not in found:
                    found.add(child)
                    pending.append(child)
        return frozenset(found - below)

    def _copy(self, rdd_id: int) -> set[int]:
        """The RDDs from a sample to the cached data frame made from it, both included."""
        chain = [rdd_id]
        if self.rdds[rdd_id].cached:
            return set(chain)
        paths: list[list[int]] = [chain]
        while paths:
            path = paths.pop()
            for child in self.children.get(path[-1], ()):
                if child in self.rdds and self.rdds[child].cached and "Scan ExistingRDD" in self.rdds[child].name:
                    return {*path, child}
                if len(path) < 12 and child not in path:
                    paths.append([*path, child])
        return {rdd_id}
