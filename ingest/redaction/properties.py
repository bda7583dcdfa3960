"""Secrets out of Spark properties, by key and by value, as org.apache.spark.util.Utils.redact takes them out.

Spark has redacted the log already by its own pattern. This is for logs of older Sparks, for names that Spark leaves
readable, and for secrets inside longer values.
"""

import re
from collections.abc import Mapping

import pyarrow as pa

from ...schemas import spark
from ...schemas.issues import ImportIssue
from ...schemas.redaction import SECRET_KEY
from .. import arrow
from .text import matches, redact_array

# A log is untrusted, and so is its pattern: RE2 takes time linear in text and pattern, so the pattern is bounded.
_MAX_PATTERN = 2_000
_MAX_REPEATS = 1_000
_REPEAT = re.compile(r"\{(\d{1,9})(?:,(\d{0,9}))?\}")
# A group that holds a repetition and is repeated: (a+)+
_NESTED_REPEAT = re.compile(r"\((?:[^()\\]|\\.)*[+*](?:[^()\\]|\\.)*\)[+*{]")


def own_pattern(properties: Mapping[str, str | None]) -> tuple[str | None, ImportIssue | None]:
    """The job's own `spark.redaction.regex`, None where it cannot be used, and an issue about it."""
    own = properties.get(spark.REDACTION_PATTERN_KEY)
    if not own:
        return None, None
    repeats = sum(max(int(number or 0) for number in match) for match in _REPEAT.findall(own))
    if len(own) > _MAX_PATTERN or repeats > _MAX_REPEATS:
        return None, _unused("it is too long")
    try:
        matches(arrow.to_array([""], "string"), own)
    except pa.ArrowInvalid:
        return None, _unused("RE2, which matches in linear time, does not accept it")
    if _NESTED_REPEAT.search(own):
        message = (
            f"the log's own {spark.REDACTION_PATTERN_KEY} may take Java exponential time; it was matched in linear time"
        )
        return own, ImportIssue("redaction_regex_costly", message)
    return own, None


def _unused(reason: str) -> ImportIssue:
    message = f"the log's own {spark.REDACTION_PATTERN_KEY} was not used: {reason}; the default rules were applied"
    return ImportIssue("redaction_regex_unused", message)


def redact_properties(keys: pa.Array, values: pa.Array, own: str | None) -> pa.Array:
    """The values to show. `own` matches keys and values, as Spark's pattern does."""
    return hide_secret_properties(keys, values, own, redact_array(values))


def hide_secret_properties(keys: pa.Array, values: pa.Array, own: str | None, redacted_values: pa.Array) -> pa.Array:
    """As `redact_properties`, if the secrets in the text of `values` are already redacted."""
    import pyarrow.compute as pc

    # scalars from an array: of a str, pyarrow imports pandas
    empty, pattern_key, redacted = arrow.to_array(["", spark.REDACTION_PATTERN_KEY, spark.REDACTED], "string")
    keys = pc.fill_null(keys, empty)
    secret = matches(keys, SECRET_KEY)
    if own is not None:
        secret = pc.or_(secret, pc.or_(matches(keys, own), matches(values, own)))
    secret = pc.and_(secret, pc.and_(pc.not_equal(keys, pattern_key), pc.is_valid(values)))
    return pc.if_else(secret, redacted, redacted_values)
