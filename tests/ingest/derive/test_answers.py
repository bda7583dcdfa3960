"""The result and the one thing to do as tags of a run."""

from collections.abc import Mapping

from afterglow.ingest.derive.answers import tag_answers
from afterglow.schemas.findings.threshold_overrides import Finding
from afterglow.schemas.runs.levels import Level
from afterglow.schemas.runs.params_tags import RESULT_TAG, TO_DO_TAG
from afterglow.schemas.runs.tree import Run


def run(
    level: Level, key: str, parent: str | None, name: str = "x", tags: Mapping[str, str] | None = None, **metrics: float
) -> Run:
    return Run(level, key, parent, name, "FINISHED", 0, 1000, metrics, {}, tags or {})


def tags_of(*runs: Run) -> dict[str, Mapping[str, str]]:
    return {one.key: one.tags for one in tag_answers(runs)}


def test_the_best_trial_is_the_result_of_its_search_and_application() -> None:
    found = tags_of(
        run("application", "a", None),
        run("tuning", "s", "a", tags={"afterglow.tuning.best_trial": "1", "afterglow.tuning.metric": "auc"}),
        run("trial", "t0", "s", "depth=2", {"afterglow.trial": "0"}, avg_auc=0.9, std_auc=0.01),
        run("trial", "t1", "s", "depth=5", {"afterglow.trial": "1"}, avg_auc=0.95, std_auc=0.02),
        run("job", "j", "s"),
    )
    assert found["s"][RESULT_TAG] == found["a"][RESULT_TAG] == "auc 0.9500 ± 0.02 · depth=5"
    assert found["t0"][RESULT_TAG] == "auc 0.9000 ± 0.01"
    assert found["j"] == {}


def test_a_search_whose_best_trial_is_not_known_has_no_result() -> None:
    found = tags_of(run("application", "a", None), run("tuning", "s", "a"), run("trial", "t", "s", avg_auc=0.9))
    assert RESULT_TAG not in found["s"] and RESULT_TAG not in found["a"]


def test_an_application_names_the_first_fits_that_were_evaluated() -> None:
    fits = [run("fit", f"f{i}", "a", f"Model{i}", rmse=float(i)) for i in range(1, 6)]
    found = tags_of(run("application", "a", None), *fits, run("fit", "f9", "a", "Scaler"))
    assert found["a"][RESULT_TAG] == "rmse 1.000 · Model1; rmse 2.000 · Model2; rmse 3.000 · Model3; 2 more"
    assert RESULT_TAG not in found["f9"]


def test_the_first_finding_that_costs_something_is_to_do() -> None:
    remark = Finding(
        "a",
        "wall_time",
        "note",
        None,
        None,
        "",
        "Of 3 s.",
        "",
        None,
        (),
    )
    skew = Finding("a", "skew", "warning", 1.525, None, "stage 5", "One task is long.", "Salt the keys.", None, ())
    one = Run("application", "a", None, "x", "FINISHED", 0, 1000, findings=(remark, skew))
    assert remark.informational and tags_of(one)["a"] == {TO_DO_TAG: "Skew, 1.53 s: Salt the keys."}
