"""The metrics of a set of tasks."""

import numpy as np
import pytest

from afterglow.ingest.derive.run_factory import RunFactory
from afterglow.ingest.derive.task_stats import quantiles
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.pipeline import read_view
from afterglow.schemas.runs.metrics import QUANTILES
from tests.conftest import sample_log


@pytest.mark.parametrize("number", [1, 2, 3, 10, 63, 64, 65, 200])
def test_quantiles_are_those_of_numpy_to_the_last_digit(number: int) -> None:
    random = np.random.default_rng(number)
    for most in (2, 1_000, 2**52):
        for factor in (1, 1.0, 1e-3):
            values = random.integers(0, most, number) * factor
            assert quantiles(values) == np.quantile(values, list(QUANTILES.values())).tolist()


def test_runs_with_the_same_tasks_share_their_figures_and_no_dictionary() -> None:
    (log,) = find_logs([str(sample_log("skewed-join"))])
    factory = RunFactory(read_view(log))
    rows = np.arange(10)
    first, second = factory.figures_of(rows), factory.figures_of(rows.copy())
    assert first == second == factory._figures_of(rows) and first is not second
    assert factory.figures_of(rows[:5]) != first
