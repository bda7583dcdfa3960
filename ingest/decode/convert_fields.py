"""Parsed JSON -> a typed event, whatever its values are: a value that does not fit its field is left out and named."""

from __future__ import annotations

import types
from collections.abc import Iterable
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin

import msgspec

Event = TypeVar("Event", bound=msgspec.Struct)
_UNUSABLE = object()
_LEFT_OUT = (msgspec.ValidationError, ValueError, OverflowError, RecursionError)


def convert(raw: object, type_: type[Event], dropped: list[str]) -> Event:
    """The event as `type_`. The path of each value that had to be left out (`Task Info.Launch Time`) is appended to
    `dropped`, once for every value. Numbers in text ("12") are numbers."""
    value = _convert(raw, type_, "", dropped)
    if isinstance(value, type_):
        return value
    return type_()


def _convert(raw: object, type_: Any, path: str, dropped: list[str]) -> Any:
    required, optional = _plain(type_)
    if raw is None and optional:
        return None
    if isinstance(required, type) and issubclass(required, msgspec.Struct):
        return _struct(raw, required, path, dropped)
    if get_origin(required) is list and isinstance(raw, list):
        (item,) = get_args(required)
        return _usable(_convert(value, item, path, dropped) for value in raw)
    if get_origin(required) is dict and isinstance(raw, dict):
        _, item = get_args(required)
        converted = ((key, _convert(value, item, f"{path}.{key}", dropped)) for key, value in raw.items())
        return {key: value for key, value in converted if value is not _UNUSABLE}
    try:
        return msgspec.convert(raw, required, strict=False)
    except _LEFT_OUT:
        dropped.append(path.lstrip("."))
        return _UNUSABLE


def _usable(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if value is not _UNUSABLE]


def _struct(raw: object, type_: type[msgspec.Struct], path: str, dropped: list[str]) -> Any:
    if not isinstance(raw, dict):
        dropped.append(path.lstrip("."))
        return _UNUSABLE
    values = {}
    for name, key, field_type in _fields(type_):
        if key in raw:
            value = _convert(raw[key], field_type, f"{path}.{key}", dropped)
            if value is not _UNUSABLE:
                values[name] = value
    return type_(**values)


@cache
def _fields(type_: type[msgspec.Struct]) -> tuple[tuple[str, str, Any], ...]:
    return tuple((field.name, field.encode_name, field.type) for field in msgspec.structs.fields(type_))


@cache
def _plain(type_: Any) -> tuple[Any, bool]:
    """`int | None` -> `int`, True."""
    if get_origin(type_) in (Union, types.UnionType):
        required = [part for part in get_args(type_) if part is not type(None)]
        return required[0], True
    return type_, False
