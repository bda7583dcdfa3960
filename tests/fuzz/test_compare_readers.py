"""A minute of differential fuzzing in the long tests; tests/property/test_native.py has a share for every run."""

import time

import pytest

from .compare_readers import compare

pytestmark = [pytest.mark.native, pytest.mark.slow]


def test_a_minute_of_edited_lines_is_read_alike() -> None:
    seed = int(time.time())
    compared, different = compare(60, seed)
    assert different is None, f"seed {seed}: {different!r}"
    assert compared > 100
