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
    """The last place up to `end` that is between two characters of a JSON string."""
    escape = line.rfind(b"\\", max(begin, end - 12), end)  # two escapes \uXXXX make one character
    if escape >= 0:
        end = escape - (escape - begin - len(line[begin:escape].rstrip(b"\\")))
        end = max(begin, end - 6 if line[end - 6 : end - 4] == b"\\u" else end)
    while end > begin and line[end] & 0xC0 == 0x80:
        end -= 1
    return end
