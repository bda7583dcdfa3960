"""Differential fuzzing in the long tests, the same blocks on every run; `make soak` goes on from a new seed."""

import pytest

from .compare_readers import compare

pytestmark = [pytest.mark.native, pytest.mark.slow]

BLOCKS = 2_000


def test_edited_lines_are_read_alike() -> None:
    compared, different = compare(60, 7, BLOCKS)
    assert different is None, f"{different!r}"
    assert compared > 100
