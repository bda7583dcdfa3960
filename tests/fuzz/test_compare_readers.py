"""A minute of differential fuzzing from a new seed, which a failure prints; `make soak` runs longer."""

import time

import pytest

from .compare_readers import compare

pytestmark = [pytest.mark.native, pytest.mark.slow]

SECONDS = 60


def test_edited_lines_are_read_alike() -> None:
    seed = int(time.time())
    compared, different = compare(SECONDS, seed)
    assert different is None, f"seed {seed}: {different!r}"
    assert compared > 100
