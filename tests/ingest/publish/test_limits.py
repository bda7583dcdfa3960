"""Names and texts that MLflow takes."""

from hypothesis import given
from hypothesis import strategies as st
from mlflow.utils.validation import _validate_metric_name, _validate_param, _validate_tag

from afterglow.ingest.publish.limits import LimitEnforcer, distinct_names, safe_name

safe_names = st.text("abAB ", min_size=1, max_size=4).map(lambda name: "n" + name)


@given(st.text(max_size=300))
def test_mlflow_takes_every_safe_name(name: str) -> None:
    safe = safe_name(name)
    _validate_metric_name(safe)
    _validate_param(safe, "x")
    _validate_tag(safe, "x")
    assert len(safe) <= 250 and safe_name(name) == safe


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
