"""The slow way for a line that is no strict JSON event: read what can be read of it, say what cannot.

Python's json takes NaN and Infinity, msgspec.convert bends types; between them they read what Spark's own
ReplayListenerBus gives the whole application up for.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from .structs import EVENT_TYPES

_LAST_WORD = re.compile(r"[\w+/=.~-]*$")
_EVENT = re.compile(rb'\{\s*"Event"\s*:\s*"')


@dataclass(slots=True)
class Recovered:
    """Events found in a damaged line with their byte offset in it, and the issues as (code, message)."""

    events: list[tuple[str, Any, int]] = field(default_factory=list)
    issues: list[tuple[str, str]] = field(default_factory=list)


def recover(line: bytes) -> Recovered:
    """Reads the events of a line that did not decode: repaired where that is possible, else reported broken."""
    found = Recovered()
    text = line.strip(b"\x00\r\t \xef\xbb\xbf\x1e")
    if not text:
        if b"\x00" in line:
            found.issues.append(("line_broken", f"{len(line):,} bytes of NUL where a line should be; passed over"))
        return found
    starts = [match.start() for match in _EVENT.finditer(text)]
    if not starts:
        found.issues.append(("line_broken", f"no JSON event ({_shown(text)}); passed over"))
        return found
    if starts[0] > 0:
        found.issues.append(
            ("line_broken", f"no JSON event before column {starts[0] + 1} ({_shown(text)}); passed over")
        )
    shift = line.find(text[:32])
    for begin, end in zip(starts, [*starts[1:], len(text)], strict=True):
        _recover_one(text[begin:end], max(shift, 0) + begin, found)
    return found


def _recover_one(text: bytes, at: int, found: Recovered) -> None:
    try:
        raw = json.loads(text.decode("utf-8", "replace").replace("\x00", ""), strict=False)
    except (ValueError, RecursionError) as error:
        found.issues.append(("line_broken", f"no whole JSON event: {error}"[:300] + f" ({_shown(text)}); passed over"))
        return
    event = raw.get("Event") if isinstance(raw, dict) else None
    type_ = EVENT_TYPES.get(event) if isinstance(event, str) else None
    if type_ is None:
        return
    value, dropped = _convert(raw, type_)
    found.events.append((str(event), value, at))
    if dropped:
        fields = ", ".join(dropped[:5])
        found.issues.append(("field_unusable", f"{event}: {fields} hold what Spark does not write; read as missing"))
    else:
        found.issues.append(("line_repaired", f"{event}: no strict JSON; read all the same"))


def _convert(raw: Any, type_: Any) -> tuple[Any, list[str]]:
    """The struct, and the paths whose values had to be dropped to get it."""
    dropped: list[str] = []
    for _ in range(100):
        try:
            return msgspec.convert(raw, type_, strict=False), dropped
        except (msgspec.ValidationError, OverflowError, ValueError) as error:
            match = re.search(r"`\$([^`]*)`", str(error))
            path = match[1] if match else ""
            if not path or not _drop(raw, path):
                break
            dropped.append(path.lstrip("."))
        except RecursionError:
            break
    return type_(), [*dropped, "its other fields"]


def _drop(raw: Any, path: str) -> bool:
    """Takes out the value at a msgspec error path such as `.Task Info.Launch Time` or `.Stage Infos[...].Stage ID`."""
    parts = [part for part in re.split(r"\.(?![^\[]*\])|(?=\[)", path) if part]
    key = parts[0]
    if key.startswith("["):
        done = False
        for item in raw.values() if isinstance(raw, Mapping) else raw:
            done = (len(parts) > 1 and isinstance(item, dict | list) and _drop_typed(item, parts[1:])) or done
        if len(parts) == 1 or not done:
            raw.clear()
        return True
    return _drop_typed(raw, parts)


def _drop_typed(raw: Any, parts: list[str]) -> bool:
    if not isinstance(raw, dict):
        return False
    key = next((k for k in (".".join(parts[:n]) for n in range(len(parts), 0, -1)) if k in raw), None)
    if key is None:
        return False
    rest = parts[key.count(".") + 1 :]
    if rest and isinstance(raw[key], dict | list) and raw[key]:
        return _drop(raw[key], "".join(p if p.startswith("[") else "." + p for p in rest))
    del raw[key]
    return True


def _shown(text: bytes) -> str:
    """The beginning of a line. It ends between two words: half a secret would not be known for one."""
    shown = text[:60].decode("utf-8", "replace")
    return repr(_LAST_WORD.sub("", shown) + "..." if len(text) > 60 else shown)
