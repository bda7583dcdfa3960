"""Loops that the user wrote around fits: equal fits on the same data become the trials of a search of kind `loop`.

A turn is fits in a row and the evaluations after them. A loop is at least three turns that fit the same estimators on
the same data, one after the other or in threads; two, where all come from one line of the user's script. A last turn
that is not evaluated, although the others are, is the refit.
"""

from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

from ...schemas.tables.training import MINIMUM_CONFIDENCE
from .evidence import Evidence, Job
from .interface import Fit, Phase, Search
from .loop_iterations import Turn, find_turns

_FEWEST_TURNS = 3
_FEWEST_TURNS_OF_A_LINE = 2
_CONFIDENCE = 0.9


def find_loops(evidence: Evidence, fits: Sequence[Fit]) -> tuple[list[Search], list[Fit]]:
    """The loops over these fits, and the fits that are in none."""
    turns = _without_prelude(find_turns(evidence, fits))
    read = DataRead(evidence)
    for turn in turns:
        turn.data = read.of(turn.training)
    searches: list[Search] = []
    held: set[int] = set()
    at = 0
    while at < len(turns):
        row = _equal_turns(turns, at)
        refit = _refit(turns, at + len(row), row)
        fewest = _FEWEST_TURNS if row[0].line is None else _FEWEST_TURNS_OF_A_LINE
        if len(row) < fewest:
            at += 1
            continue
        searches.append(_search(f"loop_{len(searches) + 1}", row, refit))
        members = [*row, *([refit] if refit else [])]
        held.update(id(fit) for turn in members for fit in (*turn.fits, *turn.inner))
        at += len(members)
    return searches, [fit for fit in fits if id(fit) not in held]


def _without_prelude(turns: Sequence[Turn]) -> list[Turn]:
    """Fits before a loop run into its first iteration. They are split off where the next one shows the pattern."""
    found: list[Turn] = []
    for turn, following in zip(turns, [*turns[1:], None], strict=False):
        size = len(following.fits) if following else 0
        if following and len(turn.fits) > size and turn.kind[-size:] == following.kind:
            found.extend(turn.split(len(turn.fits) - size))
        else:
            found.append(turn)
    return found


def _equal_turns(turns: Sequence[Turn], at: int) -> list[Turn]:
    first = turns[at]
    row = [first]
    for turn in turns[at + 1 :]:
        in_threads = turn.concurrent and first.concurrent  # which turn was evaluated is then uncertain
        if (turn.kind, turn.data, turn.line) != (first.kind, first.data, first.line):
            break
        if turn.evaluated != first.evaluated and not in_threads:
            break
        row.append(turn)
    return row


def _refit(turns: list[Turn], at: int, row: Sequence[Turn]) -> Turn | None:
    turn = turns[at] if at < len(turns) and row[0].evaluated else None
    size = len(row[0].fits)
    if turn is None or turn.evaluated or turn.kind[:size] != row[0].kind:
        return None
    if len(turn.fits) > size:
        turns[at : at + 1] = turn.split(size)
    return turns[at]


def _search(uid: str, row: Sequence[Turn], refit: Turn | None) -> Search:
    first = row[0].fits[-1]
    line = row[0].line
    search = Search(uid, first.framework, "inferred", _CONFIDENCE, "call site" if line else "equal fits", "loop")
    search.estimator, search.num_folds = first.estimator, 1
    search.concurrent = any(turn.concurrent for turn in row)
    for number, turn in enumerate(row):
        for fit in (*turn.fits, *turn.inner):
            fit.fold = 0
            if fit is turn.fits[-1] or not turn.concurrent:  # the stages before the last may be another turn's
                fit.trial = number
            search.fits.append(fit)
    _detach_evaluations(search)
    search.params = _params(row)
    for fit in (*refit.fits, *refit.inner) if refit else ():
        fit.name = fit.name or f"refit {fit.estimator or ''}".rstrip()
        fit.jobs = dict.fromkeys(fit.jobs, "refit")
        search.fits.append(fit)
    return search


def _detach_evaluations(search: Search) -> None:
    """Evaluations that are too uncertain become fits without a trial: each training is a trial for certain."""
    for fit in list(search.fits):
        evaluating: dict[int, Phase] = {job: phase for job, phase in fit.jobs.items() if phase == "evaluate"}
        if fit.confidence < MINIMUM_CONFIDENCE and evaluating:
            for job in evaluating:
                del fit.jobs[job]
            apart = search.fit(None, 0)
            apart.fit_uid, apart.name, apart.jobs = f"{fit.fit_uid}.evaluation", "evaluation", evaluating
            fit.confidence = _CONFIDENCE
        fit.confidence = min(fit.confidence, _CONFIDENCE)


def _params(row: Sequence[Turn]) -> dict[int, Mapping[str, object]]:
    """Turn -> the params that differ between the turns; empty where the log does not have params."""
    several = len(row[0].fits) > 1
    turns: list[dict[str, object]] = []
    for turn in row:
        own = (
            (f"{fit.estimator}.{key}" if several else key, value)
            for fit in turn.fits
            for key, value in (fit.params or {}).items()
        )
        turns.append(dict(own))
    names = [name for name in turns[0] if len({repr(own.get(name)) for own in turns}) > 1]
    return {number: {name: own[name] for name in names} for number, own in enumerate(turns)} if names else {}


class DataRead:
    """What tells whether two fits train on the same data: the partitions that their first stage reads."""

    def __init__(self, evidence: Evidence) -> None:
        table: pa.Table = evidence.stages
        rows = [] if table is None else table.select(["stage_id", "num_tasks", "status"]).to_pylist()
        self._num_tasks = {row["stage_id"]: row["num_tasks"] for row in rows if row["status"] == "COMPLETE"}

    def of(self, training: Iterable[Job]) -> tuple[object, ...]:
        """Comparable for fits of one estimator; `training` are the jobs of one, by start."""
        for job in training:
            return tuple(self._num_tasks[stage] for stage in sorted(job.stage_ids) if stage in self._num_tasks)
        return ()
