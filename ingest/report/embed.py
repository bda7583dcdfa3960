"""What the report's script draws from: numbers as packed arrays, text as JSON, both compressed and spelled in base64.

Base64 has no character that HTML or JavaScript would read as anything else, so that no text of a log can break out.
"""

import base64
import importlib.util
import json
import zlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_SCRIPTS = ("bokeh.min.js", "bokeh-api.min.js")


def packed(data: Mapping[str, Any]) -> str:
    """JSON values as they are; numpy arrays as {type, data}: little-endian bytes in base64."""
    text = json.dumps({key: _value(value) for key, value in data.items()}, ensure_ascii=False, separators=(",", ":"))
    return _spelled(text.encode("utf-8", "replace"), 6)


def _value(value: Any) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    array = _narrow(value)
    kinds = {"u1": "Uint8Array", "u2": "Uint16Array", "u4": "Uint32Array", "f8": "Float64Array"}
    kind = array.dtype.str[1:]
    # Bytes of equal weight side by side: they compress to two thirds.
    data = np.frombuffer(array.tobytes(), np.uint8).reshape(-1, array.itemsize).T.tobytes()
    return {"type": kinds[kind], "data": base64.b64encode(data).decode("ascii")}


def _narrow(values: Array) -> Array:
    if values.dtype.kind == "f":
        return values.astype("<f8")
    largest = int(values.max()) if len(values) else 0
    if largest >= 2**32:
        return values.astype("<f8")
    return values.astype("<u1" if largest < 2**8 else "<u2" if largest < 2**16 else "<u4")


def _spelled(data: bytes, level: int) -> str:
    return base64.b64encode(zlib.compress(data, level)).decode("ascii")


@lru_cache(maxsize=1)
def library() -> str:
    """BokehJS, of the installed bokeh package; only its files are used, Python's bokeh is not imported."""
    spec = importlib.util.find_spec("bokeh")
    if spec is None or not spec.submodule_search_locations:  # pragma: no cover - a dependency
        raise ModuleNotFoundError("bokeh is not installed")
    folder = Path(spec.submodule_search_locations[0]) / "server" / "static" / "js"
    return _spelled("\n".join((folder / name).read_text(encoding="utf-8") for name in _SCRIPTS).encode("utf-8"), 9)
