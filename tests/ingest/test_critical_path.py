"""The critical path, on spans whose answer is plain."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from afterglow.ingest.critical_path import SLACK_MS, chain, critical_path

SPANS = st.lists(st.tuples(st.integers(0, 500), st.integers(1, 200)), min_size=1, max_size=40)


def test_of_stages_side_by_side_the_one_that_ended_last_is_on_the_path() -> None:
    first, short, long, last = (0, 100), (110, 200), (110, 400), (405, 600)
    path = critical_path([first, short, long, last], 0, 700)
    assert path.stages == (0, 2, 3)
    assert (path.stages_ms, path.driver_ms) == (100 + 290 + 195, 10 + 5 + 100)


def test_a_stage_that_ended_just_after_the_next_one_started_precedes_it() -> None:
    assert chain([(0, 100 + SLACK_MS), (100, 400)]) == [0, 1]
    assert chain([(0, 100 + SLACK_MS + 1), (100, 400)]) == [1]


def test_overlap_within_the_slack_is_counted_once() -> None:
    path = critical_path([(0, 120), (100, 400)], 0, 400)
    assert (path.stages_ms, path.driver_ms) == (400, 0)


def test_time_outside_the_application_is_not_counted() -> None:
    path = critical_path([(0, 100), (100, 900)], 50, 500)
    assert (path.stages, path.stages_ms, path.driver_ms) == ((0, 1), 450, 0)


@given(SPANS)
def test_the_path_ends_last_and_never_runs_beside_itself(given_spans: list[tuple[int, int]]) -> None:
    spans = [(start, start + length) for start, length in given_spans]
    path = [spans[i] for i in chain(spans)]
    assert path[-1][1] == max(end for _, end in spans)
    for before, after in pairwise(path):
        assert before[1] <= after[0] + SLACK_MS
        passed_over = [end for start, end in spans if before[1] < end <= after[0] + SLACK_MS and start < after[0]]
        assert not passed_over, "a span that ended later was passed over"


@given(SPANS)
def test_stages_and_driver_add_up_to_the_applications_time(given_spans: list[tuple[int, int]]) -> None:
    spans = [(start, start + length) for start, length in given_spans]
    path = critical_path(spans, 0, 600)
    assert path.stages_ms >= 0 and path.driver_ms >= 0 and path.stages_ms + path.driver_ms == 600
