"""Characters that a terminal, a browser or an editor obeys instead of showing them, out of text that came from a log.

The tables, and so Parquet, hold text as it was; whatever shows it to a reader uses these.
"""

import re

import pyarrow as pa

SHOWN = "\N{REPLACEMENT CHARACTER}"
# C0 but for tab and newline, DEL, C1, line and paragraph separators, and what changes the direction of text
_CONTROLS = (
    *(code for code in range(0x20) if chr(code) not in "\t\n"),
    *range(0x7F, 0xA0),
    0x061C,
    *range(0x200E, 0x2010),
    *range(0x2028, 0x202F),
    *range(0x2066, 0x206A),
)
_CONTROL = re.compile("[" + "".join(map(re.escape, map(chr, _CONTROLS))) + "]")
_PATTERN = "[" + "".join(f"\\x{{{code:x}}}" for code in _CONTROLS) + "]"
# What a spreadsheet takes for a formula at the beginning of a cell, in full width too
_FORMULA = "^([\\s\ufffd]*[=+\\-@\uff1d\uff0b\uff0d\uff20]|[\\t\ufffd])"


_FEW = 64
"""Texts that are looked at one by one, because a call of Arrow takes as long as that."""


def replace_controls(text: str) -> str:
    """The text with every control character but tab and newline replaced; Unicode's replacement character stands for
    each."""
    return text if text.isascii() and text.isprintable() else _CONTROL.sub(SHOWN, text)


def spreadsheet_cells(texts: pa.Array) -> pa.Array:
    """A text column as a spreadsheet may open it: no control characters, and an apostrophe before what would be run as
    a formula."""
    if len(texts) <= _FEW and all(map(_is_harmless, texts.to_pylist())):
        return texts
    import pyarrow.compute as pc

    return pc.replace_substring_regex(pc.replace_substring_regex(texts, _PATTERN, SHOWN), _FORMULA, r"'\1")


def _is_harmless(text: str | None) -> bool:
    """Whether a cell with this text, or with null, is surely shown as it is."""
    return not text or (text.isascii() and text.isprintable() and text.lstrip(" ")[:1] not in ("=", "+", "-", "@"))
