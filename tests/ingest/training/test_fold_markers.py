"""What a name says of the fold it holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterglow.ingest.training.evidence import Rdd
from afterglow.ingest.training.mllib.fold_markers import marker_of_text, markers_of_rdds

from .builders import UID, bounds


@pytest.mark.parametrize("folds", [2, 3, 5, 10])
def test_bounds_of_every_fold_give_its_place_and_side(folds: int) -> None:
    for fold in range(folds):
        for validation in (True, False):
            mark = marker_of_text(bounds(fold / folds, (fold + 1) / folds, validation))
            assert mark is not None
            assert (mark.uid, mark.kind, mark.num_folds) == (UID, "CrossValidator", folds)
            assert round(mark.fold * folds) == fold
            assert mark.side == ("validate" if validation else "train")


def test_one_bound_is_a_train_validation_split() -> None:
    column = "TrainValidationSplit_0123456789ab_rand#6"
    train, validation = (marker_of_text(f"*(1) Filter ({column} {sign} 0.75)") for sign in ("<", ">="))
    assert train is not None and validation is not None
    assert (train.kind, train.side, validation.side) == ("TrainValidationSplit", "train", "validate")
    assert train.search == validation.search


def test_bounds_that_enclose_nothing_give_no_number_of_folds() -> None:
    marker = marker_of_text("*(1) Filter ((a_rand#1 >= 0.0) AND (a_rand#1 < 1e-320))")
    assert marker is not None and marker.num_folds is None


@pytest.mark.parametrize(
    "text", ["", "x_rand#1", "Filter (x_rand#1 >= )", "Filter (x_rand#1 >= 1.2.3)", "Project [x_rand#1]"]
)
def test_what_is_no_fold_has_no_mark(text: str) -> None:
    assert marker_of_text(text) is None


@pytest.mark.parametrize(
    ("filters", "sides"),
    [
        ("Filter NOT (part#3 = 2)", "train"),
        ("Filter (part#3 = 2)", "validate"),
        ("Filter (isnotnull(part#3) AND NOT (part#3 = 2))", "train"),
        ("Filter (isnotnull(part#3) AND (part#3 = 2))", "validate"),
        ("Filter NOT (CASE WHEN (0 <= part#3) THEN part#3 ELSE cast(raise_error(x) as int) END = 2)...", "train"),
    ],
)
def test_a_checked_fold_column(filters: str, sides: str) -> None:
    above = "*(2) Filter pythonUDF0#9: boolean\n+- BatchEvalPython [checker(part#3)#8], [pythonUDF0#9]\n"
    name = f"{above}   +- *(1) {filters}"
    (mark,) = markers_of_rdds({1: Rdd(1, name, "", (), True)}).values()
    assert (mark.fold, mark.side) == (2.0, sides)


def test_a_filter_of_a_users_own_is_no_fold_column() -> None:
    assert markers_of_rdds({1: Rdd(1, "*(1) Filter NOT (part#3 = 2)", "", (), True)}) == {}


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    for name in (text, f"a_rand#1 {text}", f"checker({text})\nFilter {text} = 1)"):
        markers_of_rdds({1: Rdd(1, name, text, (), True)})
