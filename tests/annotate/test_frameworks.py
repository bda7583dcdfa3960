"""Searches of Hyperopt, scikit-learn on joblib-spark and Optuna: each param, metric and status is the framework's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from afterglow import annotate
from afterglow.schemas.annotations import FOLD, PHASE, TRIAL, TUNING, TUNING_ID

from .test_loop_tables import rebuilt

pytestmark = [pytest.mark.spark, pytest.mark.slow]


def _places(written: Any, uid: str) -> list[tuple[str | None, ...]]:
    return sorted(
        (tuple(job.get(key) for key in (TRIAL, FOLD, PHASE)) for job in written.jobs if job.get(TUNING) == uid),
        key=str,
    )


def _params(row: dict[str, Any]) -> Any:
    return json.loads(row["params_json"])


def test_spark_trials(spark: Any, log: Any, local_properties: Any) -> None:
    import numpy
    from hyperopt import SparkTrials, fmin, hp, rand

    def objective(point: Any) -> Any:
        if point["kind"] == "bad":
            raise ValueError("bad")
        return {"loss": point["x"] ** 2, "status": "ok", "twice": point["x"] * 2}

    annotate.autolog()
    before = local_properties()
    trials = SparkTrials(parallelism=2, spark_session=spark)
    space = {"x": hp.uniform("x", -3, 3), "kind": hp.choice("kind", ["good", "bad"])}
    rstate = numpy.random.default_rng(1)
    fmin(objective, space, rand.suggest, max_evals=4, trials=trials, rstate=rstate, show_progressbar=False)
    assert local_properties() == before
    annotate.disable()
    written = log.read()
    tables = rebuilt(written.events)
    (search,) = tables["tunings"]
    assert (search["kind"], search["framework"], search["metric_name"]) == ("SparkTrials", "hyperopt", "loss")
    assert (search["best_trial"], search["status"]) == (trials.best_trial["tid"], "FINISHED")
    states = {2: "FINISHED", 3: "FAILED"}
    documents = trials._dynamic_trials
    assert {document["state"] for document in documents} == {2, 3}  # the seed gives both
    for row, document in zip(tables["trials"], documents, strict=True):
        values = {name: value[0] for name, value in document["misc"]["vals"].items()}
        assert _params(row) == {**values, "kind": ["good", "bad"][values["kind"]]}
        assert (row["status"], row["avg_metric"]) == (states[document["state"]], document["result"].get("loss"))
    twice = sorted(row["value"] for row in tables["annotations"] if row["name"] == "twice")  # trials end in any order
    assert twice == sorted(document["result"]["twice"] for document in documents if "twice" in document["result"])
    assert _places(written, search["tuning_uid"]) == [(str(trial), "0", "fit") for trial in range(4)]


def test_trials_of_hyperopt_and_optuna_in_the_driver(spark: Any, log: Any, local_properties: Any) -> None:
    import numpy
    import optuna
    from hyperopt import Trials, fmin, hp, rand

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    annotate.autolog()
    before = local_properties()

    def count(number: int) -> int:
        return int(spark.sparkContext._jsc.parallelize([1] * number, 1).count())

    trials = Trials()
    rstate = numpy.random.default_rng(1)
    space = {"k": hp.randint("k", 1, 9)}
    fmin(lambda point: float(count(point["k"])), space, rand.suggest, 2, trials=trials, rstate=rstate, verbose=False)

    def objective(trial: Any) -> float:
        x = trial.suggest_float("x", 0.0, 1.0)
        count(3)
        trial.report(x / 2, 1)
        if trial.number == 1:
            raise optuna.TrialPruned
        if trial.number == 2:
            raise ValueError("two")
        return float(x * 3)

    study = optuna.create_study(study_name="s", direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1))
    study.optimize(objective, n_trials=2)
    study.optimize(objective, n_trials=2, n_jobs=2, catch=(ValueError,))
    assert local_properties() == before
    annotate.disable()
    written = log.read()
    tables = rebuilt(written.events)
    of_fmin, of_study = sorted(tables["tunings"], key=lambda row: row["framework"])
    assert (of_fmin["kind"], of_fmin["best_trial"]) == ("fmin", trials.best_trial["tid"])
    assert (of_study["kind"], of_study["best_trial"], of_study["num_trials"]) == ("Study", study.best_trial.number, 4)
    rows = {(row["tuning_uid"], row["trial"]): row for row in tables["trials"]}
    for document in trials.trials:
        row = rows[of_fmin["tuning_uid"], document["tid"]]
        assert (_params(row), row["avg_metric"]) == (
            {"k": document["misc"]["vals"]["k"][0]},
            document["result"]["loss"],
        )
    status = {"COMPLETE": "FINISHED", "PRUNED": "KILLED", "FAIL": "FAILED"}
    for trial in study.trials:
        row = rows["optuna_s", trial.number]
        assert (_params(row), row["avg_metric"], row["status"]) == (trial.params, trial.value, status[trial.state.name])
    reported = [row["value"] for row in tables["annotations"] if row["name"] == "intermediate_value"]
    assert sorted(reported) == sorted(trial.intermediate_values[1] for trial in study.trials)
    assert _places(written, "optuna_s") == [(str(trial), "0", "fit") for trial in range(4)]
    assert _places(written, of_fmin["tuning_uid"]) == [("0", "0", "fit"), ("1", "0", "fit")]


def test_a_search_of_scikit_learn_on_joblib_spark(spark: Any, log: Any, local_properties: Any) -> None:
    import joblib
    from joblibspark import register_spark
    from sklearn.datasets import make_classification
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    register_spark()
    annotate.autolog()
    before = local_properties()
    features, labels = make_classification(n_samples=60, n_features=4, random_state=1)
    with joblib.parallel_backend("spark", n_jobs=2), pytest.warns(Warning, match="fits failed"):
        search = GridSearchCV(LogisticRegression(), {"C": [0.1, -1.0]}, cv=2).fit(features, labels)
    assert local_properties() == before
    annotate.disable()
    written = log.read()
    tables = rebuilt(written.events)
    (row,) = tables["tunings"]
    assert (row["kind"], row["framework"], row["estimator_class"]) == (
        "GridSearchCV",
        "joblib-spark",
        "LogisticRegression",
    )
    assert (row["num_folds"], row["num_trials"], row["best_trial"]) == (2, 2, search.best_index_)
    table = search.cv_results_
    for candidate, found in enumerate(tables["trials"]):
        assert _params(found) == table["params"][candidate]
        assert found["status"] == ("FINISHED", "FAILED")[candidate]
        for column, name in (("avg_metric", "mean_test_score"), ("std_metric", "std_test_score")):
            assert found[column] == pytest.approx(table[name][candidate], abs=0, nan_ok=True)
    scores = {(fit["trial"], fit["fold"]): fit["metric"] for fit in tables["fits"]}
    assert scores == {(0, fold): table[f"split{fold}_test_score"][0] for fold in (0, 1)} | {(1, 0): None, (1, 1): None}
    times = [found["value"] for found in tables["annotations"] if found["name"] == "mean_fit_time"]
    assert times == table["mean_fit_time"].tolist()
    jobs = [job for job in written.jobs if TUNING_ID in job]
    assert len(jobs) == len(written.jobs)  # a batch may hold several fits
    if len(jobs) == 4:
        assert _places(written, row["tuning_uid"]) == [(t, f, "fit") for t in ("0", "1") for f in ("0", "1")]


def test_a_framework_that_is_imported_later_is_annotated(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from afterglow.annotate import import_hook

    (tmp_path / "imported_later.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    seen: list[int] = []
    import_hook.when_imported("imported_later", lambda module: seen.append(module.value))
    assert seen == []
    import imported_later  # type: ignore[import-not-found]

    assert seen == [1] and imported_later.__loader__.__class__.__name__ == "SourceFileLoader"
    import_hook.forget()
