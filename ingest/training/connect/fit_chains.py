"""Which fits of a session are the stages of one Pipeline, and which fit an evaluation belongs to.

A client fits the stages of a Pipeline one after another, each on data that pass through the model of the one before
(`pyspark.ml.Pipeline._fit`). The request names that model by an id that the server chose, or, where the text is cut,
only shows that there is one. The ids of plans, which the client counts up, link what the text still shows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ....schemas.connect import ConnectOperation, Params

OPEN = 2**63  # end of an operation that has none


@dataclass(slots=True)
class Chain:
    """The fits of one Pipeline in order, or a single fit; and the evaluations of its model. `certain` is False where
    another fit could have been the stage before, or another model the one that was evaluated."""

    fits: list[ConnectOperation]
    evaluations: list[ConnectOperation] = field(default_factory=list)
    certain: bool = True

    @property
    def last(self) -> ConnectOperation:
        """The fit of the last stage: its model is the one that is evaluated."""
        return self.fits[-1]

    @property
    def operations(self) -> list[ConnectOperation]:
        """All of it, fits first."""
        return [*self.fits, *self.evaluations]

    @property
    def start_ms(self) -> int:
        """Start of the first fit."""
        return self.fits[0].start_ms

    @property
    def end_ms(self) -> int:
        """End of the last operation; OPEN while one runs."""
        return max(end_of(one) for one in self.operations)

    @property
    def uids(self) -> tuple[str | None, ...]:
        """Uids of the estimators in order: the same for every trial of one search."""
        return tuple(one.statement.uid for one in self.fits)

    @property
    def classes(self) -> tuple[str | None, ...]:
        """Classes of the estimators in order."""
        return tuple(one.statement.operator_class for one in self.fits)

    @property
    def params(self) -> dict[tuple[int, str], object]:
        """(stage, param) -> value: the params that the client set and that the log shows."""
        return {
            (stage, key): value
            for stage, one in enumerate(self.fits)
            for key, value in one.statement.params
            if value is not None
        }


def end_of(operation: ConnectOperation) -> int:
    """UTC epoch in ms; OPEN while it runs."""
    return OPEN if operation.end_ms is None else operation.end_ms


def chains_of(fits: Sequence[ConnectOperation], between: Iterable[ConnectOperation] = ()) -> list[Chain]:
    """The chains of fits on the same data: one session's, or those of one fold of a search, in order of their start.

    `between` are the operations that end a chain where one starts between two fits: evaluations and queries.
    """
    stops = sorted(one.start_ms for one in between)
    chains: list[Chain] = []
    for fit in sorted(fits, key=lambda one: (one.start_ms, _lowest(one))):
        open_chains = [
            chain
            for chain in chains
            if end_of(chain.last) <= fit.start_ms
            and fit.statement.uid not in chain.uids
            and not any(end_of(chain.last) <= stop <= fit.start_ms for stop in stops)
        ]
        before = _stage_before(fit, open_chains)
        if before is None:
            chains.append(Chain([fit]))
            continue
        rivals = [chain for chain in open_chains if chain.uids == before.uids and not _linked(fit, chain)]
        before.certain = before.certain and (_linked(fit, before) or len(rivals) < 2)
        before.fits.append(fit)
    return chains


def _stage_before(fit: ConnectOperation, chains: Sequence[Chain]) -> Chain | None:
    if not fit.statement.reads_model:
        return None
    for chain in chains:
        if _linked(fit, chain):
            return chain
    if any(chain.last.statement.plan_ids[:1] == fit.statement.plan_ids[:1] for chain in chains):
        return None  # it was fitted on the same data, not on the output of the other's model
    # the client numbers its plans as answers come in, so the stage that ended first goes with the lowest plan
    loose = [chain for chain in chains if not (fit.statement.plan_ids[1:] and _shown(fit, chain))]
    longest = max((len(chain.fits) for chain in loose), default=0)
    return min((c for c in loose if len(c.fits) == longest), key=lambda chain: end_of(chain.last), default=None)


def _linked(fit: ConnectOperation, chain: Chain) -> bool:
    """The fit's data are made of the data that the chain's last stage was fitted on."""
    own = chain.last.statement.plan_ids[:1]
    return bool(own) and own[0] in fit.statement.plan_ids[1:] and fit.statement.reads_model


def _shown(fit: ConnectOperation, chain: Chain) -> bool:
    """The text goes down to plans older than the chain's data, so that these would be in it."""
    own = chain.last.statement.plan_ids[:1]
    return bool(own) and min(fit.statement.plan_ids) < own[0] and own[0] not in fit.statement.plan_ids


def _lowest(fit: ConnectOperation) -> int:
    return min(fit.statement.plan_ids, default=0)


def pair_evaluations(
    chains: Sequence[Chain],
    evaluations: Sequence[ConnectOperation],
    first_use: Mapping[str, int],
) -> list[ConnectOperation]:
    """Adds to every chain the evaluations of its model; returns those that fit none.

    `first_use` is when the client first named a model, by its id: right after the answer to its fit. A model is the one
    of the fit with the same params that had ended by then; of several the one that ended first and has no model yet.
    """
    of_model: dict[str, Chain] = {}
    loose: list[ConnectOperation] = []
    models = {one.statement.models[0] for one in evaluations if one.statement.models}
    by_model = {model: next(e for e in evaluations if e.statement.models[:1] == (model,)) for model in models}
    for model in sorted(models, key=lambda one: first_use.get(one, by_model[one].start_ms)):
        used = min(first_use.get(model, OPEN), by_model[model].start_ms)
        taken = {id(chain) for chain in of_model.values()}
        ended = [c for c in chains if end_of(c.last) <= used and id(c) not in taken]
        fitting = [c for c in ended if _same_params(c.last.statement.params, by_model[model].statement.model_params)]
        if not fitting:
            continue
        # with one client thread the last fit before the model's first use; with several, answers come in order
        overlapping = [c for c in fitting if any(_overlap(c.last, o.last) for o in chains if o is not c)]
        chosen = (
            min(fitting, key=lambda c: end_of(c.last)) if overlapping else max(fitting, key=lambda c: end_of(c.last))
        )
        if len(overlapping) > 1 and any(
            abs(end_of(one.last) - end_of(chosen.last)) < _SAME_MOMENT_MS for one in fitting if one is not chosen
        ):
            chosen.certain = False
        of_model[model] = chosen
    for evaluation in evaluations:
        chain = of_model.get(next(iter(evaluation.statement.models), ""))
        if chain is None:
            loose.append(evaluation)
        else:
            chain.evaluations.append(evaluation)
    return loose


_SAME_MOMENT_MS = 5


def _overlap(one: ConnectOperation, other: ConnectOperation) -> bool:
    return one.start_ms < end_of(other) and other.start_ms < end_of(one)


def _same_params(fitted: Params, evaluated: Params) -> bool:
    shown = dict(evaluated)
    return all(shown.get(key, value) == value for key, value in fitted)
