"""The quick ways for few values give what the others give."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import strategies as st

from afterglow.ingest import arrow, read
from afterglow.ingest.assemble import check_figures
from afterglow.ingest.redaction import tables
from afterglow.schemas.columns import Type

VALUES: dict[Type, st.SearchStrategy[Any]] = {
    "int64": st.integers(-(2**70), 2**70),
    "int32": st.integers(-(2**40), 2**40),
    "double": st.floats(allow_nan=False, allow_infinity=False, width=32),
    "bool": st.booleans(),
    "string": st.text(max_size=3),
    "list<int64>": st.lists(st.integers(0, 9), max_size=2),
}


@pytest.mark.parametrize("type", VALUES)
def test_few_values_become_the_array_of_many(type: Type) -> None:
    @hypothesis.given(st.lists(st.none() | VALUES[type], max_size=6))
    def check(values: Sequence[Any]) -> None:
        arrays = []
        for limit in (0, 256):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(arrow, "_FEW", limit)
                arrays.append(arrow.to_array(values, type))
        assert arrays[0].equals(arrays[1]) and arrays[0].null_count == arrays[1].null_count
        table = pa.table({"column": arrays[1]})
        assert arrow.valid(table, "column").tolist() == arrays[0].is_valid().to_pylist()
        if type in ("int64", "int32", "double", "bool"):
            assert arrow.numbers(table, "column").tolist() == [one or 0 for one in arrays[0].to_pylist()]

    check()


def test_what_is_valid_cannot_be_changed_for_others() -> None:
    table = pa.table({"column": arrow.to_array([1, 2], "int64")})
    with pytest.raises(ValueError, match="read-only"):
        arrow.valid(table, "column")[0] = False


def test_rows_are_taken_from_one_chunk_or_several() -> None:
    one = pa.table({"a": arrow.to_array([1, 2, 3], "int64"), "b": arrow.to_array(["x", None, "z"], "string")})
    for table in (one, pa.concat_tables([one.slice(0, 1), one.slice(1)])):
        taken = arrow.take(table, np.array([2, 0, 0]))
        assert taken.to_pylist() == [{"a": 3, "b": "z"}, {"a": 1, "b": "x"}, {"a": 1, "b": "x"}]
        assert taken["a"].num_chunks == 1
    assert arrow.take(one.slice(0, 0), np.array([], np.int64)).num_rows == 0


def test_the_tables_of_a_log_do_not_depend_on_what_few_means(sample: Path) -> None:
    found = []
    for limit in (0, 256):
        with pytest.MonkeyPatch.context() as patch:
            for module, name in ((arrow, "_FEW"), (check_figures, "_FEW_ROWS"), (tables, "_FEW_ROWS")):
                patch.setattr(module, name, limit)
            found.append(read(str(sample)).tables)
    assert found[0].keys() == found[1].keys()
    assert all(table.equals(found[1][name]) for name, table in found[0].items())
