"""Searches that ran at the same time over the same data with the same seed: Spark caches their equal folds once.

org.apache.spark.sql.execution.CacheManager gives a plan that yields the same rows the data that is cached already,
whatever its columns are called, and PySpark's default seed is the same for all searches of a class. So the name of a
fold is that of the search that came first. What tells such searches apart is what they train.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .job_groups import Section, sections
from .searches import Search, Work


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
        trained: list[tuple[int, int]] = []  # where training ended, and whose it was
        for part in sorted(parts, key=lambda part: part.section.begin):
            if part.section.fits:
                # What fills the cache shows no estimator; its name is as good as any.
                at = owners.get(part.estimator or "", part.named.most_common(1)[0][0])
                trained.append((part.section.end, at))
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
    part: _Part, parts: Sequence[_Part], owners: Mapping[str, int], trained: Sequence[tuple[int, int]]
) -> int:
    """The search that an evaluation is of: of those that its evaluator may be of, the one that trained last before."""
    able = _with_evaluator(part.evaluator, parts, owners)
    before = [entry for entry in trained if entry[0] <= part.section.begin and entry[1] in able]
    return max(before)[1] if before else min(able)


def _with_evaluator(evaluator: str | None, parts: Sequence[_Part], owners: Mapping[str, int]) -> set[int]:
    """The searches that this evaluator may be of: whose training was under way during its evaluations least often, as a
    search does one after the other; of those, whose training came right before them most often."""
    of_evaluator = [p.section for p in parts if not p.section.fits and p.evaluator == evaluator]
    fits = [(p.section, p.estimator) for p in parts if p.section.fits and p.estimator in owners]
    scores = {}
    for estimator, at in owners.items():
        during = sum(
            fit.begin < section.end and section.begin < fit.end
            for section in of_evaluator
            for fit, name in fits
            if name == estimator
        )
        next_to = sum(
            max(before, key=lambda pair: pair[0].end)[1] == estimator
            for section in of_evaluator
            if (before := [pair for pair in fits if pair[0].end <= section.begin])
        )
        scores[at] = (-during, next_to)
    return {at for at, score in scores.items() if score == max(scores.values())}


def _commonest(values: Iterable[str | None]) -> str | None:
    counted = Counter(value for value in values if value)
    return counted.most_common(1)[0][0] if counted else None
