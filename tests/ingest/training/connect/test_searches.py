"""Searches over Spark Connect from hand-made operations: what threads leave in the order of requests and answers."""

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from afterglow.ingest.training.connect.searches import SessionTraining, session_training
from afterglow.ingest.training.connect.trial_order import order_trials
from afterglow.ingest.training.mllib.fold_markers import FoldMarker
from afterglow.schemas.connect import ConnectOperation, Statement

UID = "CrossValidator_0123456789ab"


class Client:
    """Writes the operations of one client session."""

    def __init__(self) -> None:
        self.operations: list[ConnectOperation] = []
        self.markers: dict[str, list[FoldMarker]] = {}
        self.models = count()

    def run(self, statement: Statement, start: int, end: int | None, fold: int | None, side: str = "train") -> str:
        key = f"operation-{len(self.operations)}"
        status = "RUNNING" if end is None else "FINISHED"
        self.operations.append(ConnectOperation(key, "s", "u", statement, start, end, status, (len(self.operations),)))
        if fold is not None:
            self.markers[key] = [FoldMarker(("column", UID), UID, "CrossValidator", fold / 2, side, "plan", 2)]
        return key

    def fit(self, reg: float, start: int, end: int | None, fold: int | None, plan: int = 1, uid: str = "LR_1") -> str:
        params = (("maxIter", 3), ("regParam", reg))
        return self.run(Statement("fit", "a.b.LR", uid, params, plan_ids=(plan,)), start, end, fold)

    def evaluate(self, model: str, reg: float, start: int, end: int, fold: int | None) -> str:
        params = (("maxIter", 3), ("regParam", reg))
        statement = Statement("evaluate", "a.b.AUC", "AUC_1", models=(model,), model_params=params)
        return self.run(statement, start, end, fold, "validate")

    def trained(self) -> SessionTraining:
        return session_training(sorted(self.operations, key=lambda one: one.start_ms), self.markers)


def test_two_threads_are_told_apart_by_the_params_that_evaluations_repeat() -> None:
    client = Client()
    for fold in (0, 1):
        at = 1000 * fold
        client.fit(0.1, at, at + 100, fold)
        client.fit(0.2, at + 1, at + 90, fold)
        client.evaluate(f"b{fold}", 0.2, at + 95, at + 120, fold)
        client.evaluate(f"a{fold}", 0.1, at + 105, at + 130, fold)
    client.fit(0.2, 3000, 3100, None)
    (search,) = client.trained().searches
    assert search.params == [{"regParam": 0.1}, {"regParam": 0.2}] and search.certain
    for fit in search.fits:
        (evaluation,) = fit.chain.evaluations
        assert dict(evaluation.statement.model_params) == dict(fit.chain.last.statement.params)
    assert search.refit is not None and dict(search.refit.last.statement.params)["regParam"] == 0.2


def test_the_stages_of_a_pipeline_are_one_fit() -> None:
    client = Client()
    indexer = Statement("fit", "a.b.StringIndexer", "SI_1", plan_ids=(5,))
    for thread in (0, 1):
        client.run(indexer, thread, 100 + thread, 0)
    for thread, reg in enumerate((0.1, 0.2)):
        data = (10 + thread, 8 + thread)
        statement = Statement("fit", "a.b.LR", "LR_1", (("regParam", reg),), plan_ids=data, reads_model=True)
        client.run(statement, 200 + thread, 300 + thread, 0)
    (search,) = client.trained().searches
    assert [fit.chain.classes for fit in search.fits] == [("StringIndexer", "LR")] * 2
    assert search.params == [{"LR.regParam": 0.1}, {"LR.regParam": 0.2}]
    assert not search.fits[0].chain.certain  # either indexer could have been its first stage


def test_a_second_call_of_the_same_search_is_a_search_of_its_own() -> None:
    client = Client()
    for call in (0, 10_000):
        for fold in (0, 1):
            for trial, reg in enumerate((0.1, 0.2)):
                at = call + 1000 * fold + 200 * trial
                client.fit(reg, at, at + 50, fold)
                client.evaluate(f"{at}", reg, at + 60, at + 90, fold)
        client.fit(0.1, call + 5000, call + 5100, None)
    searches = client.trained().searches
    assert [search.uid for search in searches] == [UID, f"{UID}.2"]
    assert all(len(search.fits) == 4 and search.refit for search in searches)


def test_fits_outside_searches_have_the_evaluation_of_their_model() -> None:
    client = Client()
    client.fit(0.1, 0, 50, None, uid="LR_1")
    client.evaluate("a", 0.1, 60, 80, None)
    client.fit(0.1, 100, 150, None, uid="LR_2")
    client.evaluate("b", 0.1, 160, 180, None)
    trained = client.trained()
    assert not trained.searches
    assert [[one.start_ms for one in chain.evaluations] for chain in trained.fits] == [[60], [160]]


def test_a_grid_is_in_the_order_of_its_product_although_threads_overtake() -> None:
    first, second = (0, "a"), (0, "b")
    grid = [((first, x), (second, y)) for x in (1, 2, 3) for y in (True, False)]
    ranks = {one: [float(place)] for place, one in enumerate(grid)}
    ranks[grid[0]], ranks[grid[1]] = ranks[grid[1]], ranks[grid[0]]
    ranks[grid[4]], ranks[grid[5]] = [4.4], [4.5]
    assert order_trials(ranks) == grid


@given(st.permutations(range(5)))
def test_maps_that_are_no_grid_stay_in_the_order_of_their_starts(order: list[int]) -> None:
    maps = [(((0, "a"), value), ((0, "b"), value * value)) for value in order]
    assert order_trials({one: [float(place)] for place, one in enumerate(maps)}) == maps
