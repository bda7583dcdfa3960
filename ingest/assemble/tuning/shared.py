"""Searches that ran at the same time over the same data with the same seed: Spark caches their equal folds once.

org.apache.spark.sql.execution.CacheManager gives a plan that yields the same rows the data that is cached already,
whatever its columns are called, and PySpark's default seed is the same for all searches of a class. So the name of a
fold is that of the search that came first. What tells such searches apart is what they train.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .searches import Search, Work
from .trials import Section, sections


@dataclass(slots=True)
class _Part:
    section: Section
    estimator: str | None
    evaluator: str | None
    named: Counter[int]


def tell_apart(searches: Sequence[Search]) -> None:
    """Gives the jobs of searches that shared folds to the search whose estimator they are of, in place.

    Nothing is changed where estimators do not tell: two searches with one estimator class.
    """
    for group in _sharing(searches):
        parts = _parts(group)
        owners = _owners(group, parts)
        if owners is None:
            continue
        by_search: dict[int, list[Work]] = {at: [] for at in range(len(group))}
        trained: list[tuple[int, int, int]] = []  # end, search, fold: training that waits for its evaluation
        for part in sorted(parts, key=lambda part: part.section.begin):
            begin = part.section.begin
            if part.section.fits:
                # What fills the cache shows no estimator; its name is as good as any.
                at = owners.get(part.estimator or "", part.named.most_common(1)[0][0])
                trained.append((part.section.end, at, begin))
            else:
                at = _evaluated(part, parts, owners, trained)
            by_search[at].extend(part.section.work)
        for at, work in by_search.items():
            group[at].work = sorted(work, key=lambda item: item.job.at)


def _sharing(searches: Sequence[Search]) -> list[list[Search]]:
    """Groups of searches of one shape that overlap in time and of which one read a fold that another had named."""
    groups: list[list[Search]] = []
    for search in sorted((s for s in searches if s.source == "plan"), key=lambda s: s.work[0].job.at):
        begin = search.work[0].job.at
        for group in groups:
            end = max(work.job.end_at for other in group for work in other.work)
            same = (group[0].kind, group[0].num_folds) == (search.kind, search.num_folds)
            if same and begin < end and all(other.uid != search.uid for other in group) and not _nested(search, group):
                group.append(search)
                break
        else:
            groups.append([search])
    return [group for group in groups if len(group) > 1 and any(_one_sided(search) for search in group)]


def _nested(search: Search, group: Iterable[Search]) -> bool:
    jobs = {work.job.job_id for work in search.work}
    return any(work.job.job_id in jobs for other in group for work in other.work)


def _one_sided(search: Search) -> bool:
    sides: dict[float, set[str]] = {}
    for work in search.work:
        sides.setdefault(work.fold, set()).add(work.side)
    return len(sides) < (search.num_folds or 0) or any(len(found) == 1 for found in sides.values())


def _parts(group: Sequence[Search]) -> list[_Part]:
    at_of = {id(work): at for at, search in enumerate(group) for work in search.work}
    parts = []
    for section in sections([work for search in group for work in search.work], group[0].plans):
        stacks = [work.job.stack for work in section.work]
        estimator = _commonest(stack.estimator for stack in stacks if stack.evaluator is None)
        evaluator = _commonest(stack.evaluator for stack in stacks)
        parts.append(_Part(section, estimator, evaluator, Counter(at_of[id(work)] for work in section.work)))
    # A stage that adaptive execution submitted shows no estimator, but what it does is known of others.
    does: dict[str, Counter[str]] = {}
    for part in parts:
        if part.section.fits and part.estimator:
            for work in part.section.work:
                does.setdefault(work.job.action, Counter())[part.estimator] += 1
    for part in parts:
        if part.section.fits and part.estimator is None:
            known = sum((does.get(work.job.action, Counter()) for work in part.section.work), Counter())
            part.estimator = known.most_common(1)[0][0] if known else None
    return parts


def _owners(group: Sequence[Search], parts: Sequence[_Part]) -> dict[str, int] | None:
    """Estimator class -> its search; None where there are not as many of them as searches."""
    named: Counter[tuple[str, int]] = Counter()
    for part in parts:
        if part.section.fits and part.estimator:
            for at, count in part.named.items():
                named[part.estimator, at] += count
    if len({estimator for estimator, _ in named}) != len(group):
        return None
    owners: dict[str, int] = {}
    for (estimator, at), _ in named.most_common():
        if estimator not in owners and at not in owners.values():
            owners[estimator] = at
    for estimator in sorted({estimator for estimator, _ in named} - set(owners)):
        owners[estimator] = next(at for at in range(len(group)) if at not in owners.values())
    return owners


def _evaluated(
    part: _Part, parts: Sequence[_Part], owners: dict[str, int], trained: list[tuple[int, int, int]]
) -> int:
    """The search that an evaluation is of: of those with its evaluator, the one that trained last before it."""
    begin = part.section.begin
    able = {at for estimator, at in owners.items() if _pairs(parts, estimator, part.evaluator)}
    waiting = [entry for entry in trained if entry[0] <= begin and (entry[1] in able or not able)]
    if waiting:
        return max(waiting)[1]
    return min(able) if able else part.named.most_common(1)[0][0]


def _pairs(parts: Sequence[_Part], estimator: str, evaluator: str | None) -> bool:
    """This evaluator comes next after this estimator's training more often than after any other's."""
    follows: Counter[str] = Counter()
    fits = sorted(
        ((p.section.end, p.estimator) for p in parts if p.section.fits and p.estimator), key=lambda entry: entry[0]
    )
    for part in parts:
        if part.section.evaluates and not part.section.fits and part.evaluator == evaluator:
            before = [name for end, name in fits if end <= part.section.begin]
            follows.update(before[-1:])
    return bool(follows) and follows[estimator] == max(follows.values())


def _commonest(values: Iterable[str | None]) -> str | None:
    counted = Counter(value for value in values if value)
    return counted.most_common(1)[0][0] if counted else None
