"""Bounds the memory of long lines: a log is untrusted input, and a parsed line may need many times its bytes."""

from __future__ import annotations

import re

from ...schemas.events import EVENT_TABLES
from .plans import string_end

LONG_LINE_BYTES = 4 * 2**20
"""Shorter lines need no check: even as empty objects they stay below MOST_MEMORY_BYTES."""
LONGEST_TEXT_BYTES = 2**20
MOST_MEMORY_BYTES = 384 * 2**20
_KEY = re.compile(rb'"([^"\\]{1,100})"\s*:\s*$')
_READ_KEYS = frozenset(
    column.path[-1].encode() for declared in EVENT_TABLES for column in declared.table if column.path
) | {b"Properties", b"Stage Name", b"Name", b"Callsite", b"Details", b"nodeName", b"simpleString", b"Update"}
_HIGH_SURROGATES = tuple(b"d%x" % nibble for nibble in range(8, 12))
# A plan node as a struct with its dictionary and list, a value in a list or a dictionary; measured with msgspec.
_OBJECT_BYTES, _VALUE_BYTES = 270, 40


def memory_bytes(line: bytes) -> int:
    """About how much memory a line needs at most once it is parsed."""
    text = len(line) if line.isascii() else 4 * len(line)
    return text + _OBJECT_BYTES * line.count(b"{") + _VALUE_BYTES * line.count(b",")


def shorten_texts(line: bytes, longest: int = LONGEST_TEXT_BYTES) -> tuple[bytes, int]:
    """The line with every text cut to `longest` bytes, and how many of those texts would have been read."""
    parts: list[bytes] = []
    copied = at = cut = 0
    while (start := line.find(b'"', at)) >= 0:
        at = string_end(line, start + 1) or len(line)
        if at - start > longest:
            key = _KEY.search(line, max(0, start - 110), start)
            cut += key is None or key[1] in _READ_KEYS
            parts += (line[copied : _boundary(line, start + 1, start + longest)], b'"')
            copied = at
    return b"".join((*parts, line[copied:])), cut


def _boundary(line: bytes, begin: int, end: int) -> int:
    """The last place up to `end` that is between two characters of the JSON string that begins at `begin`."""
    escape = line.rfind(b"\\", max(begin, end - 6), end)
    run = escape + 1 - begin - len(line[begin : escape + 1].rstrip(b"\\"))
    if escape >= 0 and run % 2:  # an even number are escaped backslashes
        is_unicode = line[escape + 1 : escape + 2] == b"u"
        begins_pair = is_unicode and line[escape + 2 : escape + 4].lower() in _HIGH_SURROGATES
        if begins_pair or escape + (6 if is_unicode else 2) > end:
            end = escape
    if line[end - 6 : end - 4] == b"\\u" and line[end - 4 : end - 2].lower() in _HIGH_SURROGATES:
        end -= 6
    while end > begin and line[end] & 0xC0 == 0x80:
        end -= 1
    return end
