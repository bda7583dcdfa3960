"""Names and texts that MLflow takes."""

from hypothesis import given
from hypothesis import strategies as st
from mlflow.utils.validation import _validate_metric_name, _validate_param, _validate_tag

from afterglow.ingest.publish.names import Fitting, safe_name


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


def test_good_names_stay() -> None:
    for name in ("time/duration_s", "user/rows read", "LogisticRegression.regParam", "a-b_c:d"):
        assert safe_name(name) == name


def test_what_is_cut_or_renamed_is_an_issue() -> None:
    fit = Fitting()
    assert fit.run_name("a\nb" + "x" * 300).endswith("…") and len(fit.run_name("x" * 999)) == 250
    assert len(fit.tag("y" * 9000)) == 8000 and len(fit.param("z" * 9000)) == 6000
    fit.key("user/größe [kB]")
    assert sorted(issue.code for issue in fit.issues.values()) == ["name_changed", *["text_cut"] * 4]
    assert fit.tag("short") == "short" and len(fit.issues) == 5
