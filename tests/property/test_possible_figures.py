"""Whatever the log, no figure that cannot be: see possible_figures."""

import os
from pathlib import Path

import pytest

from afterglow.ingest.errors import AfterglowError
from tests.property.possible_figures import impossible, made_log, view_of

COUNT = 2000 if os.environ.get("AFTERGLOW_SOAK") else 60


@pytest.mark.parametrize("block", range(4))
def test_no_made_log_gives_an_impossible_figure(block: int, tmp_path: Path) -> None:
    for seed in range(block * COUNT, (block + 1) * COUNT):
        path = tmp_path / f"made-{seed}"
        path.write_bytes(made_log(seed))
        try:
            found = list(impossible(view_of(path), report=seed % 4 == 0))
        except AfterglowError:
            continue  # nothing of an application is left
        assert not found, (seed, found)
        path.unlink()


def test_no_sample_gives_an_impossible_figure(sample: Path) -> None:
    assert not list(impossible(view_of(sample)))
