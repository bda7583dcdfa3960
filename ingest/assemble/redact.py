"""Secrets out of properties, as org.apache.spark.util.Utils.redact takes them out: by key and by value."""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress

from ...schemas import spark

_USER_INFO = re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)")


def redact_text(text: str | None) -> str | None:
    """Free text, such as a job's description or an error message, without user:password in URLs and `password=...`."""
    if text is not None and "=" in text:  # most text has neither, and what the patterns search for is long
        text = _ASSIGNED.sub(rf"\1{spark.REDACTED}", text)
    if text is not None and "@" in text:
        text = _USER_INFO.sub(spark.REDACTED, text)
    return text


def redactor(properties: Mapping[str, str]) -> Callable[[str, str | None], str | None]:
    """(key, value) -> the value to show. The job's own `spark.redaction.regex` counts besides ours.

    Spark has redacted the log already by its own pattern; this is for logs of older Sparks and other patterns, and for
    user:password in URLs, which no pattern of Spark's looks for.
    """
    patterns = [re.compile(spark.REDACTION_PATTERN)]
    own = properties.get(spark.REDACTION_PATTERN_KEY)
    if own:
        with suppress(re.error):  # a Java pattern that Python does not know; ours still applies
            patterns.append(re.compile(own))

    def redact(key: str, value: str | None) -> str | None:
        if value is None or key == spark.REDACTION_PATTERN_KEY:
            return value
        if any(pattern.search(key) for pattern in patterns):
            return spark.REDACTED
        if key and any(pattern.search(value) for pattern in patterns[1:]):
            return spark.REDACTED
        return redact_text(value)

    return redact


# `-Dmy.password=x`, `token=x` inside a longer value such as JVM options or a JDBC URL
_ASSIGNED = re.compile(rf"(?i)((?:{spark.REDACTION_PATTERN.removeprefix('(?i)')})[\w.]*\s*=\s*)[^\s,;&\"']+")
