"""Properties by key and by value, as Utils.redact of Spark has it, with a log's own pattern that may be hostile."""

import pytest

from afterglow.ingest import arrow
from afterglow.ingest.redaction.properties import own_pattern, redact_properties
from afterglow.schemas.spark import REDACTED


def shown(key: str, value: str | None, own: str | None = None) -> str | None:
    found: str | None = redact_properties(arrow.to_array([key], "string"), arrow.to_array([value], "string"), own)[
        0
    ].as_py()
    return found


@pytest.mark.parametrize(
    "key, value, expected",
    [
        ("spark.my.password", "hunter2", REDACTED),
        ("spark.hadoop.fs.azure.account.key.x", "abc", REDACTED),
        ("spark.hadoop.fs.gs.auth.service.account.private.key", "abc", REDACTED),
        ("spark.ssh.passphrase", "abc", REDACTED),
        ("spark.authorization", "abc", REDACTED),
        ("spark.my.apikey", "abc", REDACTED),
        ("spark.my.token", None, None),
        ("spark.jdbc.url", "jdbc:postgresql://ml:s3cret@db/x", f"jdbc:postgresql://{REDACTED}@db/x"),
        ("spark.driver.extraJavaOptions", "-Ddb.password=x -Da=b", f"-Ddb.password={REDACTED} -Da=b"),
        ("spark.app.name", "train", "train"),
        ("spark.authenticate", "true", "true"),
        ("spark.redaction.regex", "(?i)secret|password", "(?i)secret|password"),
    ],
)
def test_secrets_are_taken_out_by_key_and_by_value(key: str, value: str | None, expected: str | None) -> None:
    assert shown(key, value) == expected


def test_the_job_s_own_pattern_counts_too() -> None:
    own, issue = own_pattern({"spark.redaction.regex": "(?i)internal-id"})
    assert issue is None
    assert shown("spark.internal-id", "1", own) == shown("spark.x", "an internal-id", own) == REDACTED
    assert shown("spark.x", "y", own) == "y"


@pytest.mark.parametrize(
    "pattern",
    [
        "(?<broken",
        "(?<!a)b",  # RE2 has no look-around
        "a" * 2_001,
        "(?:a{1000}){1000}",
        "|".join(f"[ab]{{{n}}}" for n in range(900, 1000)),
    ],
)
def test_a_pattern_that_cannot_be_used_is_an_issue(pattern: str) -> None:
    own, issue = own_pattern({"spark.redaction.regex": pattern})
    assert own is None
    assert issue is not None
    assert issue.code == "redaction_regex_unused"


@pytest.mark.parametrize(
    "pattern", [r"(?i)secret|pass(word)?|token", r"x(\+)+", r"(a|b)+c*", "(" * 1_999, "(" + "+" * 1_998]
)
def test_a_pattern_without_nested_repetitions_is_no_issue(pattern: str) -> None:
    issue = own_pattern({"spark.redaction.regex": pattern})[1]
    assert issue is None or issue.code == "redaction_regex_unused"


def test_a_pattern_that_backtracks_without_end_in_java_and_python_is_matched() -> None:
    own, issue = own_pattern({"spark.redaction.regex": "(a+)+$"})
    assert issue is not None and issue.code == "redaction_regex_costly"
    assert shown("a" * 100_000 + "b", "x", own) == "x"
    assert shown("a" * 100_000, "x", own) == REDACTED
