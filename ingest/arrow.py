"""Python values and numpy arrays to Arrow arrays and back, without pandas.

`pa.array` over a Python sequence imports pandas (half a second, 60 MB), which reading a log does not need; so arrays
are built from their buffers. Shared by the stages that hold tables.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from ..schemas.columns import Table, Type

Array = np.ndarray[Any, Any]
"""A numpy array of any shape and type."""

_TYPES: Mapping[str, pa.DataType] = {
    "int64": pa.int64(),
    "int32": pa.int32(),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "string": pa.string(),
    "binary": pa.binary(),
    "list<int64>": pa.list_(pa.int64()),
    "list<string>": pa.list_(pa.string()),
}
# By a type's id, which is found far faster than its name.
_DTYPES: Mapping[int, type[np.number]] = {
    pa.int64().id: np.int64,
    pa.int32().id: np.int32,
    pa.int16().id: np.int16,
    pa.int8().id: np.int8,
    pa.float64().id: np.float64,
}
_BOOL = pa.bool_().id
_DECLARED: dict[int, tuple[Table, pa.Schema, pa.Table]] = {}
_NUMPY = {"int64": np.int64, "int32": np.int32, "double": np.float64, "bool": np.bool_}
# Most logs are small, and of them Python's work per column is most of the time.
_FEW = 256
_ALL_VALID = np.ones(_FEW, np.bool_)
_ALL_VALID.flags.writeable = False


def schema(table: Table) -> pa.Schema:
    """The pyarrow schema of a declared table."""
    return _declared(table)[0]


def empty(table: Table) -> pa.Table:
    """The declared table without rows."""
    return _declared(table)[1]


def _declared(table: Table) -> tuple[pa.Schema, pa.Table]:
    """Schema and empty table, made once per declaration: most logs are small, and half of their tables are empty."""
    found = _DECLARED.get(id(table))  # to hash a declaration would take as long as to make its schema
    if found is None or found[0] is not table:
        made = pa.schema([(column.name, _TYPES[column.type]) for column in table])
        arrays = [to_array((), column.type) for column in table]
        batch = pa.RecordBatch.from_arrays(arrays, schema=made)
        found = _DECLARED[id(table)] = table, made, pa.Table.from_batches([batch])
    return found[1:]


def to_array(values: Sequence[Any], type: Type) -> pa.Array:
    """One Arrow array of the declared type; None is null.

    An integer that does not fit the type, and text that is not valid Unicode, become null: a log is untrusted input.
    """
    if type == "string":
        return _strings(values)
    if type == "binary":
        return _binary(values)
    if type.startswith("list<"):
        return _lists(values, "string" if "string" in type else "int64")
    try:
        if len(values) <= _FEW and None in values:
            if values.count(None) == len(values):
                return nulls(type, len(values))
        elif type in ("double", "bool"):  # numpy would take None for NaN and False
            if None not in values:
                return from_numpy(np.array(values, dtype=_NUMPY[type]), type)
        else:
            with suppress(TypeError):  # the quick way, for a column without nulls
                return from_numpy(np.array(values, dtype=_NUMPY[type]), type)
        valid = np.fromiter((v is not None for v in values), np.bool_, len(values))
        filled: Array = np.array([0 if v is None else v for v in values], dtype=_NUMPY[type])
    except (OverflowError, TypeError, ValueError):
        return to_array([_fitting(v, type) for v in values], type)
    return from_numpy(filled, type, valid)


def _fitting(value: Any, type: Type) -> Any:
    bits = {"int64": 63, "int32": 31}.get(type)
    if bits is not None:
        return value if isinstance(value, int) and -(2**bits) <= value < 2**bits else None
    return value if isinstance(value, int | float) and abs(value) < 1e308 else None


def from_numpy(values: Array, type: Type, valid: Array | None = None) -> pa.Array:
    """A numpy array as an Arrow array; where `valid` is False the value is null."""
    mask = None
    if valid is not None and not valid.all():
        mask = pa.py_buffer(np.packbits(valid, bitorder="little"))
    data = np.packbits(values, bitorder="little") if type == "bool" else np.ascontiguousarray(values, _NUMPY[type])
    return pa.Array.from_buffers(_TYPES[type], len(values), [mask, _pooled(data)])


def _pooled(values: Array) -> pa.Buffer:
    """A copy. That of many values is in Arrow's own memory, which goes back to the system with the table; numpy's stays
    in the heap."""
    if len(values) <= _FEW:
        return pa.py_buffer(values.tobytes())
    buffer = pa.allocate_buffer(values.nbytes)
    np.frombuffer(buffer, values.dtype)[:] = values
    return buffer


def _strings(values: Sequence[str | None]) -> pa.Array:
    if not any(values) and values.count(None) == len(values):
        return nulls("string", len(values))
    builder = pa.lib.StringBuilder()
    try:
        builder.append_values(values)
        return builder.finish()
    except UnicodeEncodeError:  # a lone surrogate, which JSON's \\ud800 can spell and UTF-8 cannot
        builder = pa.lib.StringBuilder()
        builder.append_values([None if v is None else v.encode("utf-8", "replace").decode() for v in values])
        return builder.finish()


def _binary(values: Sequence[bytes]) -> pa.Array:
    """No nulls."""
    offsets = np.concatenate(([0], np.cumsum([len(value) for value in values], dtype=np.int64))).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(values))]
    return pa.Array.from_buffers(pa.binary(), len(values), buffers)


def nulls(type: Type, length: int) -> pa.Array:
    """So many nulls."""
    return _few_nulls(type, length) if length <= _FEW else _nulls(type, length)


def _nulls(type: Type, length: int) -> pa.Array:
    absent = np.zeros(length, np.bool_)
    if type == "string":
        mask, offsets = pa.py_buffer(np.packbits(absent)), pa.py_buffer(np.zeros(length + 1, np.int32))
        return pa.Array.from_buffers(pa.string(), length, [mask, offsets, pa.py_buffer(b"")])
    return from_numpy(np.zeros(length, _NUMPY[type]), type, absent)


_few_nulls = lru_cache(_FEW)(_nulls)


def picked(texts: Sequence[str | None], at: Array) -> pa.Array:
    """A text column: `texts[i]` for every i of `at`, null where i is negative."""
    return _strings(texts).take(from_numpy(np.maximum(at, 0), "int64", at >= 0))


def _lists(values: Sequence[Sequence[Any] | None], item: Type) -> pa.Array:
    lengths = [0 if v is None else len(v) for v in values]
    offsets = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))).astype(np.int32)
    valid = np.array([v is not None for v in values], dtype=np.bool_)
    mask = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    children = to_array(list(chain.from_iterable(v for v in values if v is not None)), item)
    list_type = pa.list_(children.type)
    return pa.Array.from_buffers(list_type, len(values), [mask, pa.py_buffer(offsets)], children=[children])


def from_lists(members: Array, ends: Array) -> pa.Array:
    """A list<int64> column: each row's members one after the other, and how many there are up to each row."""
    offsets = np.concatenate(([0], ends)).astype(np.int32)
    children = from_numpy(members, "int64")
    return pa.Array.from_buffers(pa.list_(pa.int64()), len(ends), [None, pa.py_buffer(offsets)], children=[children])


def from_columns(table: Table, columns: Sequence[Sequence[Any]]) -> pa.RecordBatch:
    """A record batch of the declared table, one sequence of Python values per column."""
    arrays = [to_array(values, column.type) for column, values in zip(table, columns, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema(table))


def from_buffers(table: Table, columns: Sequence[tuple[bytes, bytes, bytes]]) -> pa.RecordBatch:
    """A record batch of the declared table from buffers that another writer filled, one triple per column: values in
    the type's width (booleans in bytes; for text int32 offsets into the third), a byte per row that is 0 for null, and
    the text."""
    arrays = []
    for column, (values, valid, text) in zip(table, columns, strict=True):
        present = np.frombuffer(valid, np.bool_)
        if column.type != "string":
            arrays.append(from_numpy(np.frombuffer(values, _NUMPY[column.type]), column.type, present))
            continue
        mask = None if present.all() else pa.py_buffer(np.packbits(present, bitorder="little"))
        pooled = [_pooled(np.frombuffer(values, np.int32)), _pooled(np.frombuffer(text, np.uint8))]
        arrays.append(pa.Array.from_buffers(pa.string(), len(present), [mask, *pooled]))
    return pa.RecordBatch.from_arrays(arrays, schema=schema(table))


def from_rows(table: Table, rows: Iterable[Sequence[Any]]) -> pa.Table:
    """A pyarrow Table of the declared table, one sequence of Python values per row."""
    columns = list(zip(*rows, strict=True))
    return pa.Table.from_batches([from_columns(table, columns)]) if columns else empty(table)


def numbers(table: pa.Table, name: str) -> Array:
    """A numeric or boolean column as numpy; nulls are 0 (see `valid`)."""
    return _numbers(_one_chunk(table, name))


def _numbers(column: pa.Array) -> Array:
    type = column.type.id
    if type == _BOOL:
        bits = np.unpackbits(np.frombuffer(column.buffers()[1], np.uint8), bitorder="little").astype(np.bool_)
        return bits[column.offset : column.offset + len(column)]
    dtype = _DTYPES[type]  # column.type.to_pandas_dtype() would import pandas
    if not len(column):
        return np.empty(0, dtype)
    return np.frombuffer(column.buffers()[1], dtype)[column.offset : column.offset + len(column)]


def valid(table: pa.Table, name: str) -> Array:
    """Where a column holds a value: True, where it is null: False."""
    return _valid(_one_chunk(table, name))


def _valid(column: pa.Array) -> Array:
    length = len(column)
    if not column.null_count:
        return _ALL_VALID[:length] if length <= _FEW else np.ones(length, np.bool_)
    bits = np.unpackbits(np.frombuffer(column.buffers()[0], np.uint8), bitorder="little").astype(np.bool_)
    return bits[column.offset : column.offset + length]


def take(table: pa.Table, at: Array) -> pa.Table:
    """The rows at these positions, in one chunk."""
    index = from_numpy(at, "int64")
    batches = table.to_batches()
    if len(batches) == 1:  # a table's own `take` looks at the chunks of every column
        return pa.Table.from_batches([batches[0].take(index)])
    return table.take(index).combine_chunks()


def flattened(table: pa.Table, name: str) -> tuple[Array, Array]:
    """The members of a list<int64> column one after the other, and how many each row has. Null is an empty list."""
    members, counts = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for chunk in table[name].chunks:  # combine_chunks() of none would import pandas
        if not len(chunk):
            continue
        offsets = np.frombuffer(chunk.buffers()[1], np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
        values = chunk.values
        data = np.frombuffer(values.buffers()[1], np.int64)[values.offset : values.offset + len(values)]
        members.append(data[offsets[0] : offsets[-1]] if len(offsets) else data[:0])
        counts.append(np.diff(offsets))
    return np.concatenate(members), np.concatenate(counts)


def codes(table: pa.Table, name: str) -> tuple[Array, list[str | None]]:
    """A text column as codes into its distinct values; null is -1."""
    encoded = _one_chunk(table, name).dictionary_encode()
    found, values = _numbers(encoded.indices), encoded.dictionary.to_pylist()
    return np.where(_valid(encoded.indices), found, -1) if encoded.null_count else found, values


def equals(table: pa.Table, name: str, *values: str) -> Array:
    """Where a text column is one of these values."""
    found, distinct = codes(table, name)
    return np.isin(found, [code for code, value in enumerate(distinct) if value in values])


def _one_chunk(table: pa.Table, name: str) -> pa.Array:
    column = table[name]
    if column.num_chunks == 1:
        return column.chunk(0)
    if column.num_chunks:
        return pa.concat_arrays(column.chunks)
    return pa.RecordBatch.from_arrays([_strings([]).cast(column.type)], [name]).column(0)
