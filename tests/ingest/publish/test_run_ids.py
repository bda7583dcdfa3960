"""Run ids derived from keys."""

from hypothesis import given
from hypothesis import strategies as st

from afterglow.ingest.publish.run_ids import derived_id

ROOT = "app-1/1/" + "0" * 32
_KEYS = st.lists(st.sampled_from(["app", "app 1", "task", "stage", "0", "1", "01", "10", "3.0", ""]), max_size=5)


@given(st.lists(st.one_of(_KEYS.map("/".join), st.text()), unique=True), st.sets(st.integers(0, 3), min_size=1))
def test_no_two_keys_of_any_experiment_or_application_share_an_id(keys: list[str], experiments: set[int]) -> None:
    roots = (ROOT, ROOT[:-1] + "1")
    ids = {derived_id(experiment, root, key) for experiment in experiments for root in roots for key in keys}
    assert len(ids) == len(keys) * len(experiments) * len(roots)
    assert all(len(one) == 32 and int(one, 16) >= 0 and one == one.lower() for one in ids)


def test_stages_whose_ids_had_one_short_hash_have_two_ids() -> None:
    """15493 and 28172 share 31 bits of SHA-256 with the key of a real application: the insert failed for ever."""
    ids = {derived_id(1, ROOT, f"{ROOT}/stage/{stage}.0") for stage in range(50_000)}
    assert len(ids) == 50_000 and len({one[12:24] for one in ids}) == 50_000


def test_a_numbered_place_is_no_named_one() -> None:
    assert derived_id(1, ROOT, f"{ROOT}/x/0") != derived_id(1, ROOT, f"{ROOT}/x")
    assert derived_id(1, ROOT, f"{ROOT}/x/" + "9" * 5000) != derived_id(1, ROOT, f"{ROOT}/x/" + "9" * 5001)


def test_the_tasks_of_a_stage_are_side_by_side_in_their_order() -> None:
    tasks = [int(derived_id(1, ROOT, f"{ROOT}/task/3.0/{number}"), 16) for number in (0, 1, 2, 300, 99_999)]
    assert [one - tasks[0] for one in tasks] == [0, 1, 2, 300, 99_999]
    others = [derived_id(1, ROOT, f"{ROOT}/{one}") for one in ("job/1", "stage/3.0", "task/4.0/1")]
    assert {one[:12] for one in others} == {f"{tasks[0]:032x}"[:12]}
