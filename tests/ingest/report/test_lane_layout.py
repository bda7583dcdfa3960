"""Lanes, on bars whose answer is plain."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from afterglow.ingest.report.lane_layout import lanes


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(1, 200)), min_size=1, max_size=40))
def test_lanes_never_overlap_and_are_as_few_as_possible(bars: list[tuple[int, int]]) -> None:
    start = np.array([s for s, _ in bars])
    end = start + np.array([length for _, length in bars])
    lane, (height,) = lanes(np.zeros(len(start), int), start, end)
    moments = sorted({*start.tolist()})
    assert height == max(int(((start <= at) & (at < end)).sum()) for at in moments)
    for i in range(len(start)):
        same = (lane == lane[i]) & (start < end[i]) & (start[i] < end)
        assert same.sum() == 1


def test_a_group_has_no_more_lanes_than_it_may() -> None:
    start, end = np.array([0, 0, 9, 9, 30]), np.array([10, 20, 25, 12, 40])
    lane, heights = lanes(np.array([0, 0, 0, 1, 0]), start, end, [2, None])
    assert (lane.tolist(), heights) == ([0, 1, 0, 0, 0], [2, 1])
