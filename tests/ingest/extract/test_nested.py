"""Rows from lists and maps inside events."""

import json
from typing import Any

import msgspec
import pytest

from afterglow.ingest.decode.structs import EVENT_TYPES
from afterglow.ingest.extract.nested import NESTED_ROWS, Dropped
from afterglow.schemas.spark import JOB_START, SQL_START, TASK_END


def rows(table: str, kind: str, event: dict[str, Any], dropped: Dropped | None = None) -> list[tuple[Any, ...]]:
    events = [msgspec.json.decode(json.dumps(event), type=EVENT_TYPES[kind])]
    return list(NESTED_ROWS[table](events, Dropped() if dropped is None else dropped))


def accumulated(dropped: Dropped | None = None, /, **accumulable: Any) -> list[tuple[Any, ...]]:
    info = {"Task ID": 7, "Accumulables": [{"ID": 1, "Name": "rows", **accumulable}]}
    return rows("task_accumulators", TASK_END, {"Stage ID": 3, "Stage Attempt ID": 0, "Task Info": info}, dropped)


@pytest.mark.parametrize(("update", "value"), [("12", 12.0), (12, 12.0), ("-0.5", -0.5), (1e3, 1000.0)])
def test_an_accumulator_s_number_is_a_row_also_where_spark_writes_it_as_text(update: Any, value: float) -> None:
    assert accumulated(Update=update) == [(3, 0, 7, "rows", value)]


@pytest.mark.parametrize("update", ["three", "[1, 2]", [1, 2], {"a": 1}, "NaN", "Infinity", "1e999"])
def test_an_accumulator_that_is_no_finite_number_is_no_row_and_reported(update: Any) -> None:
    dropped = Dropped()
    assert accumulated(dropped, Update=update) == []
    assert sum(count for (code, _), count in dropped.counts.items() if code == "value_not_numeric") == 1


def test_an_accumulator_without_an_update_is_nothing() -> None:
    dropped = Dropped()
    assert accumulated(dropped, Update=None) == [] and not dropped.counts


@pytest.mark.parametrize("accumulable", [{"Internal": True}, {"Name": None}, {"Name": ""}])
def test_spark_s_own_accumulators_and_those_without_a_name_are_no_rows(accumulable: dict[str, Any]) -> None:
    assert accumulated(Update="12", **accumulable) == []


def test_of_a_stack_the_frames_of_mllib_stay_and_the_one_that_predictor_fit_calls() -> None:
    inside = "org.apache.spark.ml.classification.Classifier.getNumClasses(Classifier.scala:148)"
    train = "ml.dmlc.xgboost4j.scala.spark.XGBoostClassifier.train(XGBoostClassifier.scala:40)"
    fit = "org.apache.spark.ml.Predictor.fit(Predictor.scala:151)"
    details = "\n".join(
        ["org.apache.spark.sql.Dataset.take(Dataset.scala:1)", inside, "x.Y.train(Y.scala:1)", train, fit]
    )
    (row,) = rows("job_stages", JOB_START, {"Job ID": 1, "Stage Infos": [{"Stage ID": 2, "Details": details}]})
    assert row[-2:] == ("\n".join([inside, train, fit]), 5)


def test_nodes_that_run_a_python_function_are_rows_wherever_they_are_in_the_plan() -> None:
    inner = {"nodeName": "MapInPandas", "simpleString": "MapInPandas train(id#0)", "children": []}
    plan = {"nodeName": "Project", "simpleString": "Project [id#0]", "children": [inner]}
    found = rows("plan_functions", SQL_START, {"executionId": 4, "sparkPlanInfo": plan})
    assert found == [(4, "MapInPandas", "MapInPandas train(id#0)")]
