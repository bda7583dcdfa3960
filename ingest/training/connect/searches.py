"""Operations of one Spark Connect session -> its searches and fits, exactly as the requests have them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ....schemas.connect import ConnectOperation, ParamValue
from ..mllib.fold_markers import FoldMarker
from .fit_chains import OPEN, Chain, chains_of, end_of, pair_evaluations
from .trial_order import Key, ParamMap, order_trials, varying

_SAME_MOMENT_MS = 20


@dataclass(slots=True)
class ConnectFit:
    """One fit of a search: one param map on one fold."""

    trial: int
    fold: int
    chain: Chain


@dataclass(slots=True)
class ConnectSearch:
    """One call of `fit` of a CrossValidator or TrainValidationSplit (`kind`)."""

    kind: str
    uid: str
    num_folds: int
    fits: list[ConnectFit]
    params: list[dict[str, ParamValue | None]]
    refit: Chain | None = None
    prepare: list[ConnectOperation] = field(default_factory=list)

    @property
    def certain(self) -> bool:
        """Every fit's stages and evaluation are known."""
        return all(fit.chain.certain for fit in self.fits)

    @property
    def operations(self) -> list[ConnectOperation]:
        """Everything that the search asked for."""
        refit = self.refit.operations if self.refit else []
        return [*self.prepare, *(one for fit in self.fits for one in fit.chain.operations), *refit]


@dataclass(frozen=True, slots=True)
class SessionTraining:
    """What one session trained: searches, and the fits outside them with their evaluations."""

    searches: tuple[ConnectSearch, ...]
    fits: tuple[Chain, ...]


def session_training(
    operations: Sequence[ConnectOperation], marks: Mapping[str, Sequence[FoldMarker]]
) -> SessionTraining:
    """`operations` are one session's, by their start; `marks` by operation are the folds that its jobs' plans show.

    A search is known by the random column that its client added to the data (`<uid>_rand`); the refit is the first fit
    of the same estimators afterwards on data without it.
    """
    first_use = _first_uses(operations)
    trained = [one for one in operations if one.statement.kind in ("fit", "evaluate")]
    of_search: dict[str, list[ConnectOperation]] = {}
    for one in trained:
        uid = _search_of(marks.get(one.operation_id, ()))
        if uid is not None:
            of_search.setdefault(uid, []).append(one)
    outside = [one for one in trained if _search_of(marks.get(one.operation_id, ())) is None]
    searches = []
    for uid, own in sorted(of_search.items(), key=lambda item: item[1][0].start_ms):
        for number, call in enumerate(_calls(own, outside), 1):
            searches.append(_search(uid if number == 1 else f"{uid}.{number}", call, marks, first_use, outside))
    stops = [one for one in operations if one.statement.kind in ("evaluate", "query", "write")]
    fits = [one for one in outside if one.statement.kind == "fit"]
    chains = chains_of(fits, stops)
    pair_evaluations(chains, [one for one in outside if one.statement.kind == "evaluate"], first_use)
    return SessionTraining(tuple(searches), tuple(sorted(chains, key=lambda one: one.start_ms)))


def _first_uses(operations: Iterable[ConnectOperation]) -> dict[str, int]:
    first: dict[str, int] = {}
    for one in operations:
        if one.statement.kind != "delete":
            for model in one.statement.models:
                first.setdefault(model, one.start_ms)
    return first


def _search_of(marks: Sequence[FoldMarker]) -> str | None:
    """The search whose folds the operation works on; of one within another the one whose column came last."""
    uids = [mark.uid for mark in marks if mark.uid is not None]
    return uids[-1] if uids else None


def _calls(own: Sequence[ConnectOperation], outside: Sequence[ConnectOperation]) -> list[list[ConnectOperation]]:
    """The operations of each call of `fit` of one search object: a refit lies between two calls."""
    uids = {one.statement.uid for one in own if one.statement.kind == "fit"}
    refits = [one.start_ms for one in outside if one.statement.kind == "fit" and one.statement.uid in uids]
    calls: list[list[ConnectOperation]] = []
    for one in own:
        if not calls or any(calls[-1][-1].start_ms < refit <= one.start_ms for refit in refits):
            calls.append([])
        calls[-1].append(one)
    return calls


def _search(
    uid: str,
    own: Sequence[ConnectOperation],
    marks: Mapping[str, Sequence[FoldMarker]],
    first_use: Mapping[str, int],
    outside: list[ConnectOperation],
) -> ConnectSearch:
    base = uid.split(".")[0]
    mark_of = {one.operation_id: next(m for m in marks[one.operation_id][::-1] if m.uid == base) for one in own}
    starts = sorted({mark.fold for mark in mark_of.values()})
    kind = next(mark.kind for mark in mark_of.values()) or "CrossValidator"
    folds: list[list[Chain]] = []
    prepare: list[ConnectOperation] = []
    for start in starts:
        here = [one for one in own if mark_of[one.operation_id].fold == start]
        chains = chains_of([one for one in here if one.statement.kind == "fit"])
        prepare.extend(pair_evaluations(chains, [o for o in here if o.statement.kind == "evaluate"], first_use))
        folds.append(chains)
    maps, fits = _number(folds)
    declared = Counter(mark.num_folds for mark in mark_of.values() if mark.num_folds)
    num_folds = max(len(starts), declared.most_common(1)[0][0] or 1) if declared else len(starts)
    search = ConnectSearch(kind, uid, num_folds, fits, maps, prepare=prepare)
    search.refit = _refit(search, own, outside)
    return search


def _number(folds: Sequence[Sequence[Chain]]) -> tuple[list[dict[str, ParamValue | None]], list[ConnectFit]]:
    """The params of every trial in order, and the fits. Equal params are one trial; twice in one fold they are two."""
    every = [chain for chains in folds for chain in chains]
    keys = varying([chain.params for chain in every])
    ranks: dict[ParamMap, list[float]] = {}
    of_chain: dict[int, ParamMap] = {}
    for chains in folds:
        seen: Counter[ParamMap] = Counter()
        for place, chain in _ranked(chains):
            own: ParamMap = tuple((key, chain.params.get(key)) for key in keys)
            seen[own] += 1
            if seen[own] > 1:
                own = (*own, ((-1, "copy"), seen[own]))
            ranks.setdefault(own, []).append(place)
            of_chain[id(chain)] = own
    order = order_trials(ranks)
    index = {own: number for number, own in enumerate(order)}
    classes = every[0].classes if every else ()
    maps = [{_param_name(key, classes): _plain(value) for key, value in own if key[0] >= 0} for own in order]
    fits = [
        ConnectFit(index[of_chain[id(chain)]], fold, chain) for fold, chains in enumerate(folds) for chain in chains
    ]
    return maps, fits


def _ranked(chains: Sequence[Chain]) -> list[tuple[float, Chain]]:
    """The chains by start, each with its rank; those that threads began at the same moment share the mean rank."""
    ordered = sorted(chains, key=lambda chain: chain.start_ms)
    ranked: list[tuple[float, Chain]] = []
    begin = 0
    for at in range(1, len(ordered) + 1):
        if at == len(ordered) or ordered[at].start_ms - ordered[at - 1].start_ms > _SAME_MOMENT_MS:
            ranked.extend(((begin + at - 1) / 2, chain) for chain in ordered[begin:at])
            begin = at
    return ranked


def _param_name(key: Key, classes: Sequence[str | None]) -> str:
    """`<Estimator>.<param>` in a Pipeline, as MLflow's autologging has it; the bare name for a single estimator."""
    stage, name = key
    return f"{classes[stage]}.{name}" if len(classes) > 1 and stage < len(classes) else name


def _plain(value: object) -> ParamValue | None:
    return value if isinstance(value, (bool, int, float, str)) else None


def _refit(search: ConnectSearch, own: Sequence[ConnectOperation], outside: list[ConnectOperation]) -> Chain | None:
    """Takes the refit out of the operations outside: the fits of the search's estimators right after its last fold."""
    if not search.fits:
        return None
    end = max(end_of(one) for one in own)
    uids = {uid for fit in search.fits for uid in fit.chain.uids}
    later = [one for one in outside if one.statement.kind == "fit" and end != OPEN and one.start_ms >= end]
    refit: list[ConnectOperation] = []
    for one in later:
        if one.statement.uid not in uids or any(one.statement.uid == other.statement.uid for other in refit):
            break
        refit.append(one)
    for one in refit:
        outside.remove(one)
    return Chain(refit) if refit else None
