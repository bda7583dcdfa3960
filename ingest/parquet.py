"""Write tables as Parquet files, for the export and for the artifacts of runs."""

from collections.abc import Iterator, Mapping
from functools import lru_cache

import pyarrow as pa
import pyarrow.parquet as pq

ALWAYS_WRITTEN = ("applications", "jobs", "stages", "tasks")
"""Tables that have a file even without rows. No file of another table means that it has no rows."""

_ROWS_PER_GROUP = 16_384  # the writer keeps the pages of a group in memory, 20 MB for 200,000 tasks
# Most logs are small, and half of their tables are empty. Writing those would cost more than reading the log.
_FEW_ROWS = 64
_FEW_BYTES = 256 << 10
# store_schema=False below: every type of a table is also a type of Parquet. Arrow's copy of the schema would be half of
# a small file.
_SCHEMAS_KEPT = 64


def tables_to_write(tables: Mapping[str, pa.Table]) -> Iterator[tuple[str, pa.Table]]:
    """The tables that get a file, with their names."""
    return ((name, table) for name, table in tables.items() if table.num_rows or name in ALWAYS_WRITTEN)


def write_parquet(table: pa.Table, path: str) -> None:
    """Write a table to a local file."""
    if table.num_rows > _FEW_ROWS or table.get_total_buffer_size() > _FEW_BYTES:
        texts = [field.name for field in table.schema if pa.types.is_string(field.type)]
        # a dictionary of numbers that rarely repeat takes half of the write time and makes the file larger
        pq.write_table(
            table, path, compression="zstd", row_group_size=_ROWS_PER_GROUP, use_dictionary=texts, store_schema=False
        )
        return
    with open(path, "wb") as file:
        file.write(_small(table) if table.num_rows else _without_rows(table.schema))


def parquet_bytes(table: pa.Table) -> bytes:
    """The content of a table's file."""
    if table.num_rows <= _FEW_ROWS and table.get_total_buffer_size() <= _FEW_BYTES:
        return _small(table) if table.num_rows else _without_rows(table.schema)
    file = pa.BufferOutputStream()
    pq.write_table(table, file, compression="zstd", store_schema=False)
    content: bytes = file.getvalue().to_pybytes()
    return content


def _small(table: pa.Table) -> bytes:
    """A table of a few rows as Parquet. Statistics and dictionaries, which help in large files, make this one larger.
    It is written as one buffer: page by page it would take a hundred writes."""
    file = pa.BufferOutputStream()
    pq.write_table(table, file, compression="none", use_dictionary=False, write_statistics=False, store_schema=False)
    content: bytes = file.getvalue().to_pybytes()
    return content


@lru_cache(_SCHEMAS_KEPT)
def _without_rows(schema: pa.Schema) -> bytes:
    return _small(pa.Table.from_batches([], schema=schema))  # empty_table() would import pandas
