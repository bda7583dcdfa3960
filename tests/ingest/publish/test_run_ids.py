"""Run ids derived from keys."""

from hypothesis import given
from hypothesis import strategies as st

from afterglow.ingest.publish.run_ids import derived_id

_KEYS = st.lists(st.sampled_from(["app", "app 1", "task", "stage", "0", "1", "01", "10", "3.0", ""]), max_size=5)


@given(st.lists(st.one_of(_KEYS.map("/".join), st.text()), unique=True), st.sets(st.integers(0, 3), min_size=1))
def test_no_two_keys_of_any_experiment_share_an_id(keys: list[str], experiments: set[int]) -> None:
    ids = {derived_id(experiment, key) for experiment in experiments for key in keys}
    assert len(ids) == len(keys) * len(experiments)
    assert all(len(one) == 32 and int(one, 16) >= 0 and one == one.lower() for one in ids)


def test_the_tasks_of_a_stage_lie_side_by_side_in_their_order() -> None:
    tasks = [derived_id(1, f"app-1/task/3.0/{number}") for number in (*range(300), 99_999, 100_000)]
    assert tasks == sorted(tasks) and len({one[:24] for one in tasks}) == 1
    other = [derived_id(1, f"app-1/{one}") for one in ("job/1", "stage/3.0", "task/4.0/1")]
    assert len({one[:12] for one in [*tasks, *other]}) == 1 and len({one[:24] for one in other}) == 3
