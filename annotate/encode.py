"""Events to JSON texts: plain values, secrets out, envelopes cut into pieces that stay small."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..schemas.annotations import CUT, MAX_NAME, MAX_PIECES, MAX_TEXT, MAX_VALUE, VERSION
from ..schemas.spark import REDACTED, REDACTION_PATTERN

# A piece's text stands in JSON once more, where `"` and `\` double; the head takes some 100 characters.
_PIECE = (MAX_TEXT - 500) // 2
_SECRET = re.compile(REDACTION_PATTERN)
_LONGEST = _PIECE * (MAX_PIECES - 1)


def plain(value: Any) -> Any:
    """The value as JSON can hold it: numbers and truth values as they are, NaN and infinities as text, the rest str."""
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
    """A metric's value: repr keeps every digit of a float; NaN, Infinity and -Infinity, which JSON lacks, are text.

    Raises TypeError or ValueError for what is no number.
    """
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return int(value)
    real = float(value)
    if math.isfinite(real):
        return real
    return "NaN" if math.isnan(real) else "Infinity" if real > 0 else "-Infinity"


def name(value: Any) -> str:
    """A name, cut to what MLflow takes."""
    return str(value)[:MAX_NAME]


def redacted(values: Mapping[Any, Any], stage_prefix: bool = False) -> dict[str, Any]:
    """Names and plain values; the value is replaced where the name matches Spark's redaction pattern.

    With `stage_prefix` only what follows the last dot is looked at: `Tokenizer.inputCol` is no secret.
    """
    out = {}
    for key, value in values.items():
        looked_at = str(key).rsplit(".", 1)[-1] if stage_prefix else str(key)
        out[name(key)] = REDACTED if _SECRET.search(looked_at) else plain(value)
    return out


def texts(writer: str, seq: int, events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The envelope of these events as one text, or as pieces if it is longer than MAX_TEXT.

    What is longer than MAX_PIECES pieces loses its longest fields, and says so in `cut`.
    """
    head = {"v": VERSION, "writer": writer, "seq": seq}
    text = _dump({**head, "events": events})
    if len(text) > _LONGEST:
        text = _dump({**head, "events": [_cut(event, _LONGEST // len(events) - 100) for event in events]})
    if len(text) <= MAX_TEXT:
        yield text
        return
    parts = [text[at : at + _PIECE] for at in range(0, len(text), _PIECE)]
    for piece, part in enumerate(parts):
        yield _dump({**head, "piece": piece, "pieces": len(parts), "text": part})


def _cut(event: Mapping[str, Any], limit: int) -> dict[str, Any]:
    """The event without its longest fields, so that what remains is shorter than `limit` characters."""
    sizes = {key: len(_dump(value)) + len(key) + 6 for key, value in event.items()}
    left_out: list[str] = []
    while sum(sizes.values()) > limit and len(sizes) > 2:
        longest = max((key for key in sizes if key not in ("event", "time_ms")), key=lambda key: sizes[key])
        left_out.append(longest)
        del sizes[longest]
    kept = {key: value for key, value in event.items() if key in sizes}
    return {**kept, CUT: left_out} if left_out else kept


def _dump(value: Any) -> str:
    # ASCII only, so that characters are bytes and a piece may end anywhere.
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
