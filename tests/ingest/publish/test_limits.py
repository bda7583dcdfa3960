"""Names and texts that MLflow takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.utils.validation import _validate_metric_name, _validate_param, _validate_tag

from afterglow.ingest.publish.existing_runs import renewed
from afterglow.ingest.publish.interface import RunRecord
from afterglow.ingest.publish.limits import LimitEnforcer, distinct_names, safe_name
from afterglow.ingest.publish.mlflow_http import server_version

safe_names = st.text("abAB ", min_size=1, max_size=4).map(lambda name: "n" + name)


@given(st.text(max_size=300))
def test_mlflow_takes_every_safe_name(name: str) -> None:
    safe = LimitEnforcer(server_version(None)).key(name)
    _validate_metric_name(safe)
    _validate_param(safe, "x")
    _validate_tag(safe, "x")
    assert len(safe) <= 250 and LimitEnforcer(server_version(None)).key(name) == safe


@given(st.text(max_size=20), st.text(max_size=20))
def test_two_names_never_become_one(one: str, other: str) -> None:
    assert one == other or safe_name(one) != safe_name(other)


@given(st.lists(safe_names, unique=True))
def test_names_stay_apart_where_case_and_blanks_do_not_count(names: list[str]) -> None:
    written = distinct_names(tuple(names))
    assert list(written) == names and len({name.rstrip().lower() for name in written.values()}) == len(names)
    assert all(len(name) <= 250 for name in written.values())


def test_of_names_that_differ_in_case_the_first_stays() -> None:
    names = distinct_names(("user/rows", "user/Rows", "user/rows "))
    assert names["user/rows"] == "user/rows" and names["user/Rows"].startswith("user/Rows_")


@given(st.text(st.characters(), max_size=50))
def test_every_database_takes_every_text(text: str) -> None:
    written = LimitEnforcer().tag(text + "\0\ud800")
    assert "\0" not in written and written.encode()


def test_good_names_stay() -> None:
    for name in ("time/duration_s", "user/rows read", "LogisticRegression.regParam", "a-b_c:d"):
        assert safe_name(name) == name


def test_what_is_cut_or_renamed_is_an_issue() -> None:
    fit = LimitEnforcer()
    assert fit.run_name("a\nb" + "x" * 300).endswith("…") and len(fit.run_name("x" * 999)) == 250
    assert len(fit.tag("y" * 9000)) == 8000 and len(fit.param("z" * 9000)) == 6000
    fit.key("user/größe [kB]")
    assert sorted(issue.code for issue in fit.issues.values()) == ["name_changed", *["text_cut"] * 4]
    assert fit.tag("short") == "short" and len(fit.issues) == 5


@pytest.mark.parametrize(
    ("version", "name", "longest"),
    [((2, 9), "a_b_", 5000), ((2, 16), "a:b", 5000), ((3, 0), "a:b", 8000), ((), "a:b", 8000)],
)
def test_an_older_mlflow_gets_what_it_takes(version: tuple[int, ...], name: str, longest: int) -> None:
    fit = LimitEnforcer(version)
    assert fit.key("a:b").startswith(name) and len(fit.tag("y" * 9000)) == longest


def test_a_metric_that_a_run_has_is_not_sent_again() -> None:
    record = RunRecord(
        "k", None, "n", "FINISHED", 1, 9, {}, {}, [("a", 1.0, 9, 0), ("b", 2.0, 9, 0), ("c", 3.0, 9, 0)], ""
    )
    latest = {"a": (9, 1.0), "b": (9, 5.0), "c": (3, 3.0)}
    assert renewed(record, latest) == [("b", 2.0, 10, 0), ("c", 3.0, 9, 0)]
