"""Separate searches that ran at the same time over the same data with the same seed, whose equal folds Spark caches
once.

org.apache.spark.sql.execution.CacheManager reuses cached data for any plan that yields the same rows, whatever its
columns are called. PySpark's default seed is the same for all searches of a class. So a shared fold has the name of the
first search, and only the trained estimators distinguish such searches.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .job_groups import JobGroup, group_jobs
from .searches import FoldJob, SearchCall


@dataclass(slots=True)
class _Part:
    group: JobGroup
    estimator: str | None
    evaluator: str | None
    named: Counter[int]


def separate_shared_folds(searches: Sequence[SearchCall]) -> None:
    """Move the jobs of searches that share folds to the search whose estimator they train, in place.

    Nothing changes if two of the searches have the same estimator class.
    """
    for family in _sharing(searches):
        parts = _parts(family)
        owners = _owners(family, parts)
        if owners is None:
            continue
        by_search: dict[int, list[FoldJob]] = {at: [] for at in range(len(family))}
        trained: list[tuple[int, int]] = []  # where training ended, and whose it was
        for part in sorted(parts, key=lambda part: part.group.begin):
            if part.group.fits:
                # Jobs that fill the cache show no estimator; any of the searches is as likely.
                at = owners.get(part.estimator or "", part.named.most_common(1)[0][0])
                trained.append((part.group.end, at))
            else:
                at = _evaluated(part, parts, owners, trained)
            by_search[at].extend(part.group.fold_jobs)
        for at, of_search in by_search.items():
            family[at].fold_jobs = sorted(of_search, key=lambda item: item.job.at)


def _sharing(searches: Sequence[SearchCall]) -> list[list[SearchCall]]:
    """Groups of searches of the same shape that overlap in time, where one read a fold with another's name."""
    families: list[list[SearchCall]] = []
    for search in sorted((s for s in searches if s.source == "plan"), key=lambda s: s.fold_jobs[0].job.at):
        begin = search.fold_jobs[0].job.at
        for family in families:
            end = max(item.job.end_at for other in family for item in other.fold_jobs)
            same = (family[0].kind, family[0].num_folds) == (search.kind, search.num_folds)
            if (
                same
                and begin < end
                and all(other.uid != search.uid for other in family)
                and not _nested(search, family)
            ):
                family.append(search)
                break
        else:
            families.append([search])
    return [family for family in families if len(family) > 1 and any(_one_sided(search) for search in family)]


def _nested(search: SearchCall, family: Iterable[SearchCall]) -> bool:
    jobs = {item.job.job_id for item in search.fold_jobs}
    return any(item.job.job_id in jobs for other in family for item in other.fold_jobs)


def _one_sided(search: SearchCall) -> bool:
    sides: dict[float, set[str]] = {}
    for item in search.fold_jobs:
        sides.setdefault(item.fold, set()).add(item.side)
    return len(sides) < (search.num_folds or 0) or any(len(found) == 1 for found in sides.values())


def _parts(family: Sequence[SearchCall]) -> list[_Part]:
    at_of = {id(item): at for at, search in enumerate(family) for item in search.fold_jobs}
    parts = []
    for group in group_jobs([item for search in family for item in search.fold_jobs], family[0].plans):
        stacks = [item.job.stack for item in group.fold_jobs]
        estimator = _commonest(stack.estimator for stack in stacks if stack.evaluator is None)
        evaluator = _commonest(stack.evaluator for stack in stacks)
        parts.append(_Part(group, estimator, evaluator, Counter(at_of[id(item)] for item in group.fold_jobs)))
    # A stage that adaptive execution submitted shows no estimator, but other stages with the same action do.
    does: dict[str, Counter[str]] = {}
    for part in parts:
        if part.group.fits and part.estimator:
            for item in part.group.fold_jobs:
                does.setdefault(item.job.action, Counter())[part.estimator] += 1
    for part in parts:
        if part.group.fits and part.estimator is None:
            known = sum((does.get(item.job.action, Counter()) for item in part.group.fold_jobs), Counter())
            part.estimator = known.most_common(1)[0][0] if known else None
    return parts


def _owners(family: Sequence[SearchCall], parts: Sequence[_Part]) -> dict[str, int] | None:
    """Estimator class -> its search; None if the numbers of classes and searches differ."""
    named: Counter[tuple[str, int]] = Counter()
    for part in parts:
        if part.group.fits and part.estimator:
            for at, count in part.named.items():
                named[part.estimator, at] += count
    if len({estimator for estimator, _ in named}) != len(family):
        return None
    owners: dict[str, int] = {}
    for (estimator, at), _ in named.most_common():
        if estimator not in owners and at not in owners.values():
            owners[estimator] = at
    for estimator in sorted({estimator for estimator, _ in named} - set(owners)):
        owners[estimator] = next(at for at in range(len(family)) if at not in owners.values())
    return owners


def _evaluated(
    part: _Part, parts: Sequence[_Part], owners: Mapping[str, int], trained: Sequence[tuple[int, int]]
) -> int:
    """The search of an evaluation: among the candidates for its evaluator, the one that trained last before it."""
    able = _with_evaluator(part.evaluator, parts, owners)
    before = [entry for entry in trained if entry[0] <= part.group.begin and entry[1] in able]
    return max(before)[1] if before else min(able)


def _with_evaluator(evaluator: str | None, parts: Sequence[_Part], owners: Mapping[str, int]) -> set[int]:
    """The searches that this evaluator may belong to. A search does not train during its own evaluations, so those with
    the fewest overlaps are kept. Of these, the ones that most often trained right before an evaluation are kept."""
    of_evaluator = [p.group for p in parts if not p.group.fits and p.evaluator == evaluator]
    fits = [(p.group, p.estimator) for p in parts if p.group.fits and p.estimator in owners]
    scores = {}
    for estimator, at in owners.items():
        during = sum(
            fit.begin < group.end and group.begin < fit.end
            for group in of_evaluator
            for fit, name in fits
            if name == estimator
        )
        next_to = sum(
            max(before, key=lambda pair: pair[0].end)[1] == estimator
            for group in of_evaluator
            if (before := [pair for pair in fits if pair[0].end <= group.begin])
        )
        scores[at] = (-during, next_to)
    return {at for at, score in scores.items() if score == max(scores.values())}


def _commonest(values: Iterable[str | None]) -> str | None:
    counted = Counter(value for value in values if value)
    return counted.most_common(1)[0][0] if counted else None
