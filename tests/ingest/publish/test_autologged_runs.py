"""Which autologged run is which trial: by params, by search_results.csv, and never by guessing."""

from afterglow.ingest.publish.autologged_runs import Owner, OwnRun, match_trials
from afterglow.schemas.runs.tree import Run, RunTree


def tree(*trials: tuple[dict[str, str], dict[str, float]]) -> RunTree:
    runs = [Run("application", "a", None, "a", "FINISHED", 0, 1), Run("tuning", "a/t", "a", "t", "FINISHED", 0, 1)]
    for number, (params, metrics) in enumerate(trials):
        runs.append(
            Run(
                "trial",
                f"a/t/{number}",
                "a/t",
                "trial",
                "FINISHED",
                0,
                1,
                metrics,
                params,
                {"afterglow.trial": str(number)},
            )
        )
    return RunTree(runs)


OWN = [
    OwnRun("x", {"regParam": "0.1", "maxIter": "3"}, {"avg_auc": 0.7}),
    OwnRun("y", {"regParam": "0.5", "maxIter": "3"}, {"avg_auc": 0.7}),
]


def test_by_the_param_map_with_or_without_the_stage() -> None:
    found = match_trials(
        tree(({"LR.regParam": "0.5"}, {"avg_auc": 0.7}), ({"LR.regParam": "0.1"}, {"avg_auc": 0.7})),
        Owner("p", "1", OWN),
    )
    assert found == {"a/t/0": "y", "a/t/1": "x"}


def test_a_different_metric_is_a_different_search() -> None:
    assert match_trials(tree(({"LR.regParam": "0.5"}, {"avg_auc": 0.71})), Owner("p", "1", OWN)) == {}


def test_a_train_validation_split_is_matched_by_the_metric_s_plain_name() -> None:
    own = [OwnRun("x", {"regParam": "0.1"}, {"auc": 0.7}), OwnRun("y", {"regParam": "0.1"}, {"auc": 0.8})]
    trials = [({"LR.regParam": "0.1"}, {"auc": auc, "avg_auc": auc, "time/duration_s": 1.0}) for auc in (0.8, 0.7)]
    assert match_trials(tree(*trials), Owner("p", "1", own)) == {"a/t/0": "y", "a/t/1": "x"}


def test_by_the_order_of_the_results_where_the_log_has_no_params() -> None:
    rows = [{"param.LR.regParam": "0.5", "avg_auc": "0.7"}, {"param.LR.regParam": "0.1", "avg_auc": "0.7"}]
    assert match_trials(tree(({}, {}), ({}, {})), Owner("p", "1", OWN, rows)) == {"a/t/0": "y", "a/t/1": "x"}


def test_what_fits_two_is_not_matched() -> None:
    rows = [{"avg_auc": "0.7"}, {"avg_auc": "0.7"}]
    assert match_trials(tree(({}, {}), ({}, {})), Owner("p", "1", OWN, rows)) == {}
    assert match_trials(tree(({}, {})), None) == {} == match_trials(tree(({}, {})), Owner("p", "1", OWN))
