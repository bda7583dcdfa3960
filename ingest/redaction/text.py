"""Secrets out of free text, by the rules of schemas.redaction."""

from collections.abc import Sequence

import pyarrow as pa

from ...schemas.redaction import ANY_SIGN, RULES
from ...schemas.spark import REDACTED
from .. import arrow

# Most text has no secret, and one pass with a short pattern over it shows that.
_SIGNS = tuple(dict.fromkeys(rule.sign for rule in RULES))


def matches(texts: pa.Array, pattern: str) -> pa.Array:
    """Where a text matches a pattern of RE2, in time linear in the text; null counts as no match.

    Raises:
        pyarrow.ArrowInvalid: RE2 does not take the pattern.
    """
    import pyarrow.compute as pc  # takes a tenth of a second, which a command that reads no log is spared

    found = pc.match_substring_regex(texts, pattern)
    return pc.and_kleene(pc.is_valid(found), found)  # fill_null would import pandas


def redact_array(texts: pa.Array) -> pa.Array:
    """Every text with its secrets replaced; the rest stays."""
    import pyarrow.compute as pc

    # to compile the pattern of a rule takes longer than one pass over the texts of most logs
    return _replaced(texts) if pc.any(_has_secret(texts)).as_py() else texts


def changes(texts: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Text with a secret -> its replacement."""
    found = texts.filter(_has_secret(texts))
    return found, _replaced(found) if len(found) else found


def _has_secret(texts: pa.Array) -> pa.Array:
    """Where any rule matches."""
    import pyarrow.compute as pc

    with_sign = matches(texts, ANY_SIGN)
    signed = texts.filter(with_sign)
    if not len(signed):
        return with_sign
    signs = {sign for sign in _SIGNS if pc.any(matches(signed, sign)).as_py()}
    return matches(texts, "|".join(f"(?:{rule.pattern})" for rule in RULES if rule.sign in signs))


def _replaced(texts: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    for rule in RULES:
        if pc.any(matches(texts, rule.sign)).as_py():
            texts = pc.replace_substring_regex(texts, rule.pattern, f"{rule.keep}{REDACTED}{rule.after}")
    return texts


def redact_texts(texts: Sequence[str | None]) -> list[str | None]:
    """As `redact_array`, for a few texts; None stays None."""
    given = arrow.to_array(texts, "string")
    if not len(changes(given)[0]):
        return list(texts)
    shown: list[str | None] = _replaced(given).to_pylist()
    return shown


def redact_text(text: str) -> str:
    """One text, such as an error message."""
    return str(redact_texts([text])[0])
