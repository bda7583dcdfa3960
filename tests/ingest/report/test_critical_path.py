"""The critical path and the lanes, on spans whose answer is plain."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from afterglow.ingest.report.critical_path import Span, critical_path
from afterglow.ingest.report.lane_layout import lanes

SPANS = st.lists(st.tuples(st.integers(0, 500), st.integers(1, 200)), min_size=1, max_size=40)


def test_of_stages_side_by_side_the_one_that_ended_last_is_on_the_path() -> None:
    first, short, long, last = Span(0, 100), Span(110, 200), Span(110, 400), Span(405, 600)
    assert critical_path([first, short, long, last]) == [0, 2, 3]


@given(SPANS)
def test_the_path_ends_last_and_never_runs_beside_itself(given_spans: list[tuple[int, int]]) -> None:
    spans = [Span(start, start + length) for start, length in given_spans]
    path = [spans[i] for i in critical_path(spans)]
    assert path[-1].end == max(span.end for span in spans)
    for before, after in pairwise(path):
        assert before.end <= after.start + 50
        between = [s.end for s in spans if before.end < s.end <= after.start and s.start < after.start]
        assert not between, "a span that ended later was passed over"


@given(SPANS)
def test_lanes_never_overlap_and_are_as_few_as_possible(given_spans: list[tuple[int, int]]) -> None:
    start = np.array([s for s, _ in given_spans])
    end = start + np.array([length for _, length in given_spans])
    lane, (height,) = lanes(np.zeros(len(start), int), start, end)
    moments = sorted({*start.tolist()})
    assert height == max(int(((start <= at) & (at < end)).sum()) for at in moments)
    for i in range(len(start)):
        same = (lane == lane[i]) & (start < end[i]) & (start[i] < end)
        assert same.sum() == 1
