"""Encode events as JSON texts: plain values, redacted secrets, long envelopes split into pieces."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..schemas.annotations import CUT, MAX_NAME, MAX_PIECES, MAX_TEXT, MAX_VALUE, VERSION
from ..schemas.spark import REDACTED, REDACTION_PATTERN

# The text of a piece is encoded as JSON again, which doubles `"` and `\`. The head takes about 100 characters.
_PIECE = (MAX_TEXT - 500) // 2
_SECRET = re.compile(REDACTION_PATTERN)
_LONGEST = _PIECE * (MAX_PIECES - 1)
_ENVELOPE = _LONGEST // 2  # an envelope is lost with any of its pieces, so it is not as long as it could be


def plain(value: Any) -> Any:
    """Convert to a JSON value: numbers and booleans stay, NaN and infinities become text, everything else str."""
    if value is None or isinstance(value, (bool, str)):
        return value[:MAX_VALUE] if isinstance(value, str) else value
    if type(value).__module__ == "numpy" and hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        return plain(value.item())
    if isinstance(value, int):
        return int(value) if -(2**63) <= value < 2**63 else str(value)[:MAX_VALUE]
    if isinstance(value, float):
        return number(value)
    if (
        isinstance(value, (list, tuple))
        and len(value) <= 1000
        and all(item is None or isinstance(item, (bool, int, float, str)) for item in value)
    ):
        items = [plain(item) for item in value]
        return items if len(json.dumps(items)) <= MAX_VALUE else str(value)[:MAX_VALUE]
    return str(value)[:MAX_VALUE]


def number(value: Any) -> float | int | str:
    """Convert a metric's value. Every digit of a float is kept; NaN, Infinity and -Infinity become text.

    Raises TypeError or ValueError for anything but a number.
    """
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return int(value)
    real = float(value)
    if math.isfinite(real):
        return real
    return "NaN" if math.isnan(real) else "Infinity" if real > 0 else "-Infinity"


def name(value: Any) -> str:
    """Convert a name, cut to MLflow's limit."""
    return str(value)[:MAX_NAME]


def redacted(values: Mapping[Any, Any], stage_prefix: bool = False) -> dict[str, Any]:
    """Convert names and values. A value whose name matches Spark's redaction pattern is replaced.

    `stage_prefix` matches only the part after the last dot, so that `Tokenizer.inputCol` is not redacted.
    """
    out = {}
    for key, value in values.items():
        matched = str(key).rsplit(".", 1)[-1] if stage_prefix else str(key)
        out[name(key)] = REDACTED if _SECRET.search(matched) else plain(value)
    return out


def texts(writer: str, seq: int, events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the envelope of these events as one text, or as pieces if it is longer than MAX_TEXT.

    An envelope of more than MAX_PIECES pieces loses its longest fields, which `cut` names.
    """
    head = {"v": VERSION, "writer": writer, "seq": seq}
    text = _dump({**head, "events": events})
    if len(text) > _LONGEST:
        text = _dump({**head, "events": [_cut(event, _LONGEST // len(events) - 100) for event in events]})
    if len(text) <= MAX_TEXT:
        yield text
        return
    parts = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
    for piece, part in enumerate(parts):
        yield _dump({**head, "piece": piece, "pieces": len(parts), "text": part})


def split(events: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """Split events into envelopes that lose no field, unless one event alone is too long."""
    envelope: list[Mapping[str, Any]] = []
    size = 0
    for event in events:
        if envelope and size + length(event) > _ENVELOPE:
            yield envelope
            envelope, size = [], 0
        envelope.append(event)
        size += length(event)
    if envelope:
        yield envelope


def length(event: Mapping[str, Any]) -> int:
    """Return the number of characters that the event adds to an envelope."""
    return len(_dump(event)) + 1


def _cut(event: Mapping[str, Any], limit: int) -> dict[str, Any]:
    """Drop the longest fields until the event is shorter than `limit` characters."""
    sizes = {key: len(_dump(value)) + len(key) + 6 for key, value in event.items()}
    dropped: list[str] = []
    while sum(sizes.values()) > limit and len(sizes) > 2:
        longest = max((key for key in sizes if key not in ("event", "time_ms")), key=lambda key: sizes[key])
        dropped.append(longest)
        del sizes[longest]
    kept = {key: value for key, value in event.items() if key in sizes}
    return {**kept, CUT: dropped} if dropped else kept


def _dump(value: Any) -> str:
    # ASCII only: a character is a byte, and a piece may end anywhere.
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
