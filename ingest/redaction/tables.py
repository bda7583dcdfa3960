"""Secrets out of tables: every text column, unless its declaration says that no text of a log is in it."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from ...schemas.columns import Column
from ...schemas.redaction import SECRET_NAME
from ...schemas.spark import REDACTED
from ...schemas.tables import TABLES
from .. import arrow
from .properties import hide_secret_properties
from .text import changes, matches, redact_text, redact_texts

_AT_ONCE_BYTES = 2**24
_TEXTS = {
    table.name: tuple(
        column.name for column in table if column.text in ("free", "property", "param") and "string" in column.type
    )
    for table in TABLES
}
"""Table -> its columns of free text."""
_FEW_ROWS = 256


def redact_tables(tables: Mapping[str, pa.Table], own: str | None = None) -> dict[str, pa.Table]:
    """The tables without secrets. Tables and columns in which nothing changes are the same objects.

    `own` is the log's own pattern for properties, see `own_pattern`. Only distinct values are looked at.
    """
    with_rows = [declared for declared in TABLES if declared.name in tables and tables[declared.name].num_rows]
    texts = {
        (declared.name, name): _texts(tables[declared.name], name)
        for declared in with_rows
        for name in _TEXTS[declared.name]
    }
    found, shown = _changes([arrow.nulls("string", 0), *texts.values()])
    redacted = dict(tables)
    for declared in with_rows:
        for at, column in enumerate(declared):
            if column.text == "constant" or (column.text == "free" and not len(found)):
                continue
            table, values = redacted[declared.name], None
            if _holds(texts.get((declared.name, column.name)), found):
                values = _replaced(_whole(table[column.name]), found, shown)
            if column.text != "free":
                values = _by_name(table, column, own, values)
            if values is not None:
                redacted[declared.name] = table.set_column(at, table.schema.field(at), values)
    return redacted


def _by_name(table: pa.Table, column: Column, own: str | None, replaced: pa.Array | None) -> pa.Array | None:
    """The new values of a column whose values have names; None where they are the old ones. `replaced` are the values
    without the secrets in their text, if there are any."""
    import pyarrow.compute as pc

    values = _whole(table[column.name])
    without = values if replaced is None else replaced
    if column.text == "property":
        new = hide_secret_properties(_whole(table["key"]), values, own, without)
    elif column.text == "param":
        secret = pc.and_(matches(_whole(table["name"]), SECRET_NAME), pc.is_valid(values))
        new = pc.if_else(secret, REDACTED, without)
    else:
        new = arrow.to_array([text and redact_json(text) for text in values.to_pylist()], "string")
    return None if new.equals(values) else new


def _holds(distinct: pa.Array | None, found: pa.Array) -> bool:
    import pyarrow.compute as pc

    return distinct is not None and len(found) > 0 and pc.index_in(distinct, value_set=found).null_count < len(distinct)


def _replaced(values: pa.Array, found: pa.Array, shown: pa.Array) -> pa.Array:
    """The column with every value of `found` replaced by its value of `shown`."""
    import pyarrow.compute as pc

    flat = pc.list_flatten(values) if pa.types.is_list(values.type) else values
    at = pc.index_in(flat, value_set=found)
    flat = pc.if_else(pc.is_valid(at), shown.take(at), flat)
    return _relisted(values, flat) if pa.types.is_list(values.type) else flat


def redact_json(text: str) -> str:
    """A JSON object of params, still as JSON: values by their names, and text in them. What is no JSON is free text."""
    try:
        content = json.loads(text)
        found: list[tuple[str, str]] = []
        _walk(content, "", lambda name, value: found.append((name, value)))
    except (ValueError, RecursionError):
        return redact_text(text)
    secret = matches(arrow.to_array([name for name, _ in found], "string"), SECRET_NAME).to_pylist()
    shown = redact_texts([value for _, value in found])
    values = iter([REDACTED if hidden else value for hidden, value in zip(secret, shown, strict=True)])
    changed = _walk(content, "", lambda name, value: next(values))
    return text if changed == content else json.dumps(changed)


def _walk(content: Any, name: str, change: Callable[[str, str], Any]) -> Any:
    """The content with every text in it changed; `change` gets the name that it has, or that its list has."""
    if isinstance(content, dict):
        return {key: _walk(value, key, change) for key, value in content.items()}
    if isinstance(content, list):
        return [_walk(value, name, change) for value in content]
    return change(name, content) if isinstance(content, str) else content


def _texts(table: pa.Table, name: str) -> pa.Array:
    """The texts of a column; of many rows only the distinct ones."""
    import pyarrow.compute as pc

    values = table[name]
    if table.num_rows <= _FEW_ROWS and values.num_chunks == 1:
        values = values.chunk(0)
        return values.flatten() if pa.types.is_list(values.type) else values
    return pc.unique(pc.list_flatten(values) if pa.types.is_list(values.type) else values)


def _changes(columns: list[pa.Array]) -> tuple[pa.Array, pa.Array]:
    """Distinct text -> its replacement, if it changes. A pattern is compiled per call, so that the columns are
    looked at together, unless they are large."""
    found: list[pa.Array] = []
    shown: list[pa.Array] = []
    batch: list[pa.Array] = []
    size = 0
    for column in [*columns, None]:
        if batch and (column is None or size + column.get_total_buffer_size() > _AT_ONCE_BYTES):
            old, new = changes(pa.concat_arrays(batch).unique())
            found.append(old)
            shown.append(new)
            batch, size = [], 0
        if column is not None:
            batch.append(column)
            size += column.get_total_buffer_size()
    return pa.concat_arrays(found), pa.concat_arrays(shown)


def _relisted(lists: pa.ListArray, values: pa.Array) -> pa.Array:
    """The lists with other values."""
    import pyarrow.compute as pc

    zero = arrow.to_array([0], "int32")[0]
    lengths = arrow.numbers(pa.table({"n": pc.fill_null(pc.list_value_length(lists), zero)}), "n")
    offsets = arrow.to_array([0, *lengths.cumsum().tolist()], "int32")
    valid = pc.is_valid(lists)
    return pa.ListArray.from_arrays(pc.if_else(_with_end(valid), offsets, None), values)


def _with_end(valid: pa.Array) -> pa.Array:
    return pa.concat_arrays([valid, arrow.to_array([True], "bool")])


def _whole(values: Any) -> pa.Array:
    """One array of a column."""
    if isinstance(values, pa.ChunkedArray):
        return values.combine_chunks() if values.num_chunks != 1 else values.chunk(0)
    return values
