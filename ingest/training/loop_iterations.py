"""Fits outside searches -> turns: fits in a row and the evaluations of the last of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from .evidence import EVER, Evidence, Job
from .interface import Fit

# pyspark.traceback_utils.first_spark_call: the PySpark function and the line of the user's script
_PYTHON_LINES = ("fit at ", "run at ")
_FEWEST_UNEVALUATED = 3
_FEWEST_OF_A_LINE = 2


@dataclass(slots=True)
class Turn:
    """`fits` by start, none called by another; `inner` are the fits that they called; `jobs` are those of all."""

    fits: list[Fit]
    inner: list[Fit]
    jobs: list[Job]
    concurrent: bool = False
    data: tuple[object, ...] = field(default=())

    @property
    def kind(self) -> tuple[object, ...]:
        """What it fits; equal turns have an equal kind."""
        return tuple(_what(fit) for fit in self.fits)

    @property
    def evaluated(self) -> bool:
        """A model of it was evaluated."""
        return any("evaluate" in fit.jobs.values() for fit in self.fits)

    @property
    def line(self) -> str | None:
        """The line of the user's script that its fits come from, where they all name one."""
        lines = {job.action for job in self.jobs if job.action.startswith(_PYTHON_LINES)}
        return next(iter(lines)) if len(lines) == 1 else None

    @property
    def training(self) -> list[Job]:
        """Its jobs that train, by start."""
        of_fits = {job for fit in (*self.fits, *self.inner) for job, phase in fit.jobs.items() if phase == "fit"}
        return [job for job in self.jobs if job.job_id in of_fits]

    def split(self, size: int) -> tuple["Turn", "Turn"]:
        """Its first `size` fits, and the others."""
        return self._of(self.fits[:size]), self._of(self.fits[size:])

    def _of(self, fits: Sequence[Fit]) -> "Turn":
        uids = {fit.fit_uid for fit in fits}
        inner = [fit for fit in self.inner if fit.parent in uids]
        ids = {job for fit in (*fits, *inner) for job in fit.jobs}
        return Turn(list(fits), inner, [job for job in self.jobs if job.job_id in ids], self.concurrent)


def _what(fit: Fit) -> tuple[object, ...]:
    params = None if fit.params is None else frozenset(fit.params)
    return fit.framework, fit.estimator, fit.name, params


@dataclass(frozen=True, slots=True)
class _Span:
    fit: Fit
    inner: list[Fit]
    jobs: list[Job]

    @property
    def begin(self) -> int:
        return self.jobs[0].at

    @property
    def end(self) -> int:
        return max(job.end_at if job.end_at < EVER else job.at for job in self.jobs)

    @property
    def evaluated(self) -> bool:
        return "evaluate" in self.fit.jobs.values()


def find_turns(evidence: Evidence, fits: Sequence[Fit]) -> list[Turn]:
    """The turns of these fits, by start."""
    spans = _spans(evidence, fits)
    found: list[Turn] = []
    row: list[_Span] = []
    for cluster in _regions(_clusters(spans)):
        if len(cluster) > 1 and (turns := _concurrent_turns(cluster)):
            found.extend(_sequential_turns(row))
            found.extend(turns)
            row = []
        else:
            row.extend(cluster)
    return [*found, *_sequential_turns(row)]


def _spans(evidence: Evidence, fits: Sequence[Fit]) -> list[_Span]:
    jobs: Mapping[int, Job] = {job.job_id: job for job in evidence.jobs}
    names = {fit.fit_uid for fit in fits}
    called: dict[str | None, list[Fit]] = {}
    for fit in fits:
        called.setdefault(fit.parent, []).append(fit)
    spans = []
    for fit in fits:
        if fit.parent not in names:
            inner = [] if fit.fit_uid is None else called.get(fit.fit_uid, [])
            ids = {job for one in (fit, *inner) for job in one.jobs}
            found = sorted((jobs[job] for job in ids if job in jobs), key=lambda job: job.at)
            if found:
                spans.append(_Span(fit, inner, found))
    return sorted(spans, key=lambda span: span.begin)


def _clusters(spans: Sequence[_Span]) -> list[list[_Span]]:
    """Fits that ran at the same time."""
    found: list[list[_Span]] = []
    end = -1
    for span in spans:
        if span.begin < end:
            found[-1].append(span)
        else:
            found.append([span])
        end = max(end, span.end)
    return found


def _regions(clusters: Sequence[list[_Span]]) -> list[list[_Span]]:
    """Joins clusters of threads that follow each other, and a lone fit of the same estimators after them: for a moment
    all threads may wait, and the last turn may be alone."""
    found: list[list[_Span]] = []
    for cluster in clusters:
        before = found[-1] if found else []
        kinds = {_what(span.fit) for span in before}
        if len(before) > 1 and (len(cluster) > 1 or {_what(span.fit) for span in cluster} <= kinds):
            before.extend(cluster)
        else:
            found.append(list(cluster))
    return found


def _turn(spans: Sequence[_Span], concurrent: bool = False) -> Turn:
    jobs = sorted((job for span in spans for job in span.jobs), key=lambda job: job.at)
    return Turn([span.fit for span in spans], [fit for span in spans for fit in span.inner], jobs, concurrent)


def _sequential_turns(row: Sequence[_Span]) -> list[Turn]:
    """A turn ends with an evaluated fit; fits that are not evaluated are cut where they repeat."""
    found: list[Turn] = []
    pending: list[_Span] = []
    for span in row:
        pending.append(span)
        if span.evaluated:
            found.append(_turn(pending))
            pending = []
    # one line of the user's script that comes twice is a loop already
    fewest = _FEWEST_OF_A_LINE if all(span.fit.name for span in pending) else _FEWEST_UNEVALUATED
    size = _period([_what(span.fit) for span in pending], fewest) or len(pending)
    return [*found, *(_turn(pending[at : at + size]) for at in range(0, len(pending), size or 1))]


def _period(kinds: Sequence[object], fewest: int) -> int | None:
    """The length of the pattern whose repetitions, at least `fewest`, make up the whole sequence."""
    for size in range(1, len(kinds) // fewest + 1):
        if len(kinds) % size == 0 and all(kinds[at] == kinds[at % size] for at in range(len(kinds))):
            return size
    return None


def _concurrent_turns(cluster: Sequence[_Span]) -> list[Turn]:
    """As many turns as the evaluated estimator was fitted; of each estimator the first fits are the first turn's."""
    evaluated = {_what(span.fit) for span in cluster if span.evaluated}
    counts = Counter(kind for span in cluster if (kind := _what(span.fit)) in evaluated or not evaluated)
    number = counts.most_common(1)[0][1]
    by_kind = {kind: list(spans) for kind, spans in groupby(sorted(cluster, key=_order), key=lambda s: _what(s.fit))}
    if any(len(spans) % number for spans in by_kind.values()):
        return []
    found = []
    for turn in range(number):
        mine = [
            span
            for spans in by_kind.values()
            for span in spans[turn * (len(spans) // number) : (turn + 1) * (len(spans) // number)]
        ]
        found.append(_turn(sorted(mine, key=lambda span: span.begin), concurrent=True))
    return sorted(found, key=lambda turn: turn.jobs[0].at)


def _order(span: _Span) -> tuple[str, int]:
    return str(_what(span.fit)), span.begin
