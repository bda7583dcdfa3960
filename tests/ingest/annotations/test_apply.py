"""What a job said twice with different words: both are kept, under names that are the same at every import."""

import re
from typing import Any

from afterglow.annotate import encode
from afterglow.ingest.application_view import ApplicationView
from afterglow.ingest.derive import derive
from afterglow.schemas.annotations import EVENT
from afterglow.schemas.logs import EventLog, EventLogTables, LogFile
from afterglow.schemas.runs.tree import Run

from ..assemble.test_assemble import tables

_TIME = 1_000


def said(*envelopes: list[dict[str, Any]], log: str = "app-1") -> EventLogTables:
    """The tables of an application whose job wrote these events, an envelope per list."""
    texts = [
        text
        for seq, events in enumerate(envelopes)
        for text in encode.texts("w", seq, [{"time_ms": _TIME + seq, **event} for event in events])
    ]
    return tables(
        EventLog(log, "single", (LogFile(log, 1),)),
        application_start=[{"app_id": "app-1", "start_time_ms": _TIME}],
        application_end=[{"end_time_ms": _TIME + 100}],
        job_start=[{"job_id": job, "submission_time_ms": _TIME + job} for job in range(len(texts))],
        job_properties=[{"job_id": job, "key": EVENT, "value": text} for job, text in enumerate(texts)],
    )


def run(told: EventLogTables, end: str) -> Run:
    (found,) = [run for run in derive(ApplicationView(told)).all() if run.key.endswith(end)]
    return found


def collisions(told: EventLogTables) -> list[str]:
    return [row["message"] for row in told.issues.to_pylist() if row["code"] == "annotation_collides"]


def search(number: int, reg: float, run_id: str | None = None) -> dict[str, Any]:
    around = {"run": run_id} if run_id else {}
    return {
        "event": "tuning_start",
        "id": f"w-{number}",
        "uid": f"CrossValidator_{number}",
        "kind": "CrossValidator",
        "params": {"LogisticRegression.regParam": reg},
        "param_maps": [{"LogisticRegression.maxIter": number}],
        **around,
    }


def fit(number: int, reg: float, run_id: str | None = None) -> dict[str, Any]:
    around = {"run": run_id} if run_id else {}
    return {
        "event": "estimator_start",
        "id": f"f-{number}",
        "uid": f"logreg_{number}",
        "params": {"LogisticRegression.regParam": reg, "LogisticRegression.maxIter": 5},
        **around,
    }


RUN = {"event": "run_start", "id": "r", "name": "training"}


def test_two_searches_in_one_run_have_params_of_their_own() -> None:
    told = said([RUN], [search(1, 0.1, "r")], [search(2, 0.5, "r")])
    assert collisions(told) == []
    for number, reg in ((1, "0.1"), (2, "0.5")):
        tuning = run(told, f"/tuning/CrossValidator_{number}")
        assert tuning.params == {"LogisticRegression.regParam": reg} and tuning.parent == run(told, "/run/r").key
        assert run(told, f"/tuning/CrossValidator_{number}/trial/0").params == {
            "LogisticRegression.maxIter": str(number)
        }


def test_two_fits_in_one_run_have_params_of_their_own() -> None:
    told = said([RUN], [fit(1, 0.1, "r")], [fit(2, 0.5, "r")])
    for number, reg in ((1, "0.1"), (2, "0.5")):
        found = run(told, f"/fit/logreg_{number}")
        assert found.params == {"LogisticRegression.regParam": reg, "LogisticRegression.maxIter": "5"}
        assert found.parent == run(told, "/run/r").key
    assert collisions(told) == [] and run(told, "/run/r").params == {}


def test_a_param_logged_twice_is_suffixed() -> None:
    told = said([{"event": "log", "params": {"reg": 0.1, "iter": 5}}], [{"event": "log", "params": {"reg": 0.5}}])
    logged = derive(ApplicationView(told)).runs[0].params.items()
    params = {name: value for name, value in logged if name.startswith(("reg", "iter"))}
    assert params.pop("reg") == "0.1" and params.pop("iter") == "5"
    ((name, value),) = params.items()
    assert re.fullmatch(r"reg_[0-9a-f]{8}", name) and value == "0.5"
    (message,) = collisions(told)
    assert name in message


def test_the_suffix_is_the_same_at_every_import_whatever_the_log_is_called_by_then() -> None:
    events = [{"event": "log", "params": {"reg": 0.1}}], [{"event": "log", "params": {"reg": 0.5}}]
    first, again = said(*events), said(*events, log="app-1.inprogress")
    assert first["annotations"].equals(again["annotations"]) and first["annotations"].num_rows == 2


def test_loss_summary_and_evaluation_belong_to_the_fit() -> None:
    end = {"event": "estimator_end", "id": "f-1", "start_ms": 1_010, "end_ms": 1_040, "status": "FINISHED"}
    evaluation = {"event": "evaluation", "id": "f-1", "metric": "areaUnderROC", "value": 0.875}
    told = said(
        [fit(1, 0.1)], [{**end, "loss": {"LR": [0.7, 0.5]}, "figures": {"KMeans.trainingCost": 9.5}}, evaluation]
    )
    found, root = run(told, "/fit/logreg_1"), derive(ApplicationView(told)).runs[0]
    assert [value for _, _, value in found.history["loss/LR"]] == [0.7, 0.5]
    assert (found.metrics["KMeans.trainingCost"], found.metrics["areaUnderROC"]) == (9.5, 0.875)
    assert (found.status, found.end_ms) == ("FINISHED", 1_040)
    (row,) = told.fits.to_pylist()
    assert (row["source"], row["metric"], row["estimator_uid"]) == ("annotated", 0.875, "logreg_1")
    assert not {"loss/LR", "KMeans.trainingCost", "areaUnderROC"} & {*root.metrics, *root.history}


def test_trials_of_another_framework_have_params_metrics_and_status() -> None:
    start = {"event": "tuning_start", "id": "w-1", "uid": "optuna_s", "kind": "Study", "framework": "optuna"}
    one = {"event": "fit_end", "id": "w-1", "fold": 0, "start_ms": 1_001, "end_ms": 1_009, "metric_name": "value"}
    told = said(
        [{**start, "num_folds": 1}],
        [
            {**one, "trial": 0, "metric": 0.5, "metrics": {"extra": 2.5}, "params": {"x": 1}, "status": "FINISHED"},
            {**one, "trial": 1, "params": {"x": 2}, "status": "KILLED"},
            {**one, "trial": 2, "params": {"x": 3}, "status": "FAILED", "error": "ValueError: x"},
        ],
        [{"event": "tuning_end", "id": "w-1", "best_index": 0, "status": "FINISHED"}],
    )
    (search_row,) = told.tunings.to_pylist()
    assert [search_row[name] for name in ("framework", "kind", "num_trials", "best_trial", "metric_name")] == [
        "optuna",
        "Study",
        3,
        0,
        "value",
    ]
    trials = told.trials.to_pylist()
    assert [(row["status"], row["avg_metric"], row["params_json"]) for row in trials] == [
        ("FINISHED", 0.5, '{"x": 1}'),
        ("KILLED", None, '{"x": 2}'),
        ("FAILED", None, '{"x": 3}'),
    ]
    assert {row["framework"] for row in told.fits.to_pylist()} == {"optuna"}
    assert run(told, "/trial/1").status == "KILLED" and run(told, "/trial/0").metrics["avg_value"] == 0.5
    assert run(told, "/trial/0/fold/0").metrics["extra"] == 2.5
    assert run(told, "/trial/2/fold/0").tags["afterglow.error"] == "ValueError: x"


def test_a_trial_with_folds_has_the_metrics_of_its_search() -> None:
    start = {"event": "tuning_start", "id": "w-1", "uid": "Grid", "kind": "GridSearchCV", "framework": "joblib-spark"}
    folds = [
        {"event": "fit_end", "id": "w-1", "trial": 0, "fold": fold, "metric": metric, "status": status}
        for fold, metric, status in ((0, 0.5, "FINISHED"), (1, None, "FAILED"))
    ]
    trial = {"event": "trial_end", "id": "w-1", "trial": 0, "params": {"C": 1.5}, "metrics": {"mean_fit_time": 0.25}}
    end = {"event": "tuning_end", "id": "w-1", "avg_metrics": ["NaN"], "num_folds": 2, "status": "FINISHED"}
    told = said([{**start, "metric": "score"}], [*folds, trial, end])
    found = run(told, "/tuning/Grid/trial/0")
    assert (found.params, found.status, found.metrics["mean_fit_time"]) == ({"C": "1.5"}, "FAILED", 0.25)
    assert [row["metric"] for row in told.fits.to_pylist()] == [0.5, None]
    assert [row["num_folds"] for row in told.tunings.to_pylist()] == [2]


def test_every_value_of_many_is_kept_once_under_a_name_of_its_own() -> None:
    # One envelope: what is said within two seconds.
    told = said([{"event": "log", "tags": {"stage": value}} for value in ("a", "b", "c", "b", "a")])
    root = derive(ApplicationView(told)).runs[0]
    kept = {name: value for name, value in root.tags.items() if name.split("_")[0] == "stage"}
    assert sorted(kept.values()) == ["a", "b", "c"] and kept["stage"] == "a"


def test_params_and_tags_of_one_name_are_apart() -> None:
    told = said([{"event": "log", "params": {"kind": "p"}, "tags": {"kind": "t"}}])
    root = derive(ApplicationView(told)).runs[0]
    assert (root.params["kind"], root.tags["kind"], collisions(told)) == ("p", "t", [])


def ended(number: int, *metrics: float, std: list[float] | None = None, best: int = 0) -> dict[str, Any]:
    more = {"std_metrics": std} if std else {}
    return {
        "event": "tuning_end",
        "id": f"w-{number}",
        "avg_metrics": list(metrics),
        "best_index": best,
        "status": "FINISHED",
        **more,
    }


def test_metrics_have_the_names_that_autologging_gives_them() -> None:
    cross = {**search(1, 0.1), "metric": "auc", "param_maps": [{"LR.regParam": 0.0}, {"LR.regParam": 1.0}]}
    split = {**cross, "id": "w-2", "uid": "TrainValidationSplit_2", "kind": "TrainValidationSplit"}
    told = said([cross, ended(1, 0.5, 0.75, std=[0.1, 0.2])], [split, ended(2, 0.25, 0.125)])
    trial = run(told, "/CrossValidator_1/trial/1")
    assert {name: value for name, value in trial.metrics.items() if "auc" in name} == {"avg_auc": 0.75, "std_auc": 0.2}
    assert trial.params == {"LR.regParam": "1.0"}
    trial = run(told, "/TrainValidationSplit_2/trial/1")
    assert {name: value for name, value in trial.metrics.items() if "auc" in name} == {"auc": 0.125, "avg_auc": 0.125}


def test_a_second_search_of_one_object_with_another_parallelism_is_kept_whole() -> None:
    first = {**search(1, 0.1), "parallelism": 1}
    second = {**first, "id": "w-9", "parallelism": 4}
    told = said([RUN], [first, ended(1, 0.5, best=0)], [second, {**ended(9, 0.75), "id": "w-9"}])
    rows = {row["tuning_uid"]: row for row in told.tunings.to_pylist()}
    assert {uid: (row["parallelism"], row["status"]) for uid, row in rows.items()} == {
        "CrossValidator_1": (1, "FINISHED"),
        "CrossValidator_1.2": (4, "FINISHED"),
    }
    averages = {row["tuning_uid"]: row["avg_metric"] for row in told.trials.to_pylist()}
    assert averages == {"CrossValidator_1": 0.5, "CrossValidator_1.2": 0.75} and collisions(told) == []


def test_the_best_trial_and_every_fold_s_metric_are_in_the_tables() -> None:
    start = {**search(1, 0.1), "metric": "auc", "num_folds": 2, "param_maps": [{"a": 1}, {"a": 2}]}
    fits = [
        {"event": "fit_end", "id": "w-1", "trial": trial, "fold": fold, "metric": trial + fold / 2}
        for trial in range(2)
        for fold in range(2)
    ]
    told = said([start, *fits, ended(1, 0.25, 1.25, best=1)])
    (row,) = told.tunings.to_pylist()
    assert row["best_trial"] == 1
    assert [(fit["trial"], fit["fold"], fit["metric"], fit["confidence"]) for fit in told.fits.to_pylist()] == [
        (0, 0, 0.0, 1.0),
        (0, 1, 0.5, 1.0),
        (1, 0, 1.0, 1.0),
        (1, 1, 1.5, 1.0),
    ]
    assert run(told, "/trial/1/fold/1").metrics["auc"] == 1.5
