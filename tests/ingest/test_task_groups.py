"""Medians of groups, against numpy's."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from afterglow.ingest.task_groups import medians

LARGE = 2**62  # times a group's number it no longer fits one integer, so the other way of sorting is taken
WHOLE = st.one_of(st.integers(0, 50), st.integers(0, LARGE), st.integers(-LARGE, LARGE))
VALUES = st.one_of(
    st.lists(st.tuples(WHOLE, st.integers(0, 5)), max_size=40).map(lambda rows: (rows, np.int64)),
    st.lists(st.tuples(st.floats(-1e9, 1e9), st.integers(0, 5)), max_size=40).map(lambda rows: (rows, np.float64)),
)


@given(VALUES)
def test_medians_of_groups_are_numpy_s(given_rows: tuple[list[tuple[float, int]], type]) -> None:
    rows, kind = given_rows
    values, groups = np.array([v for v, _ in rows], kind), np.array([g for _, g in rows], np.int64)
    found = medians(values, groups, 7)
    assert len(found) == 7 and np.isnan(found[6])
    for group in range(6):
        mine = values[groups == group]
        assert np.isnan(found[group]) if not len(mine) else np.isclose(found[group], np.median(mine), rtol=1e-9)
