"""Embed data and scripts in the report: numeric arrays and JSON, compressed and encoded in base64.

Base64 has no character that ends a string or an element, so text from a log cannot break out of it.
"""

import base64
import json
import zlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# Unchanged files of the npm package @bokeh/bokehjs 3.9.2; docs/decisions/0008 describes how to update them.
BOKEHJS = {
    "bokeh.min.js": "532c29e9d071a023b60ca0fea169a1195e100cbd0eb85fe20ba1fc0587fefd48",
    "bokeh-api.min.js": "d7ca86ec015a3e10e9f3c4e5a8cf7b37d622a18c86efe0b45b05e44b2d952f1d",
}
"""File in bokehjs/ -> its SHA-256."""


def pack(data: Mapping[str, Any]) -> str:
    """JSON values as they are; numpy arrays as {type, data} with little-endian bytes in base64."""
    text = json.dumps({key: _value(value) for key, value in data.items()}, ensure_ascii=False, separators=(",", ":"))
    return _encoded(text.encode("utf-8", "replace"), 6)


def _value(value: Any) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    array = _narrow(value)
    kinds = {"u1": "Uint8Array", "u2": "Uint16Array", "u4": "Uint32Array", "f8": "Float64Array"}
    kind = array.dtype.str[1:]
    # Group bytes by significance, which compresses to two thirds.
    data = np.frombuffer(array.tobytes(), np.uint8).reshape(-1, array.itemsize).T.tobytes()
    return {"type": kinds[kind], "data": base64.b64encode(data).decode("ascii")}


def _narrow(values: Array) -> Array:
    if values.dtype.kind == "f":
        return values.astype("<f8")
    largest = int(values.max()) if len(values) else 0
    if largest >= 2**32:
        return values.astype("<f8")
    return values.astype("<u1" if largest < 2**8 else "<u2" if largest < 2**16 else "<u4")


def _encoded(data: bytes, level: int) -> str:
    return base64.b64encode(zlib.compress(data, level)).decode("ascii")


@lru_cache(maxsize=1)
def library() -> str:
    """BokehJS with its API, packed for the page. It begins with its license text, as the license requires."""
    folder = Path(__file__).parent / "bokehjs"
    return _encoded("\n".join((folder / name).read_text(encoding="utf-8") for name in BOKEHJS).encode("utf-8"), 9)
