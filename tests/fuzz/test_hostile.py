"""A share of the hostile logs; `python -m tests.fuzz.run_hostile` reads all of them, larger."""

from pathlib import Path

import pytest

from .hostile_logs import SMALL, HostileLog, corpus
from .run_hostile import MOST_BYTES, measure, warm

CORPUS = corpus()
SHARE = [case for case in CORPUS if not case.sized][::7] + [case for case in CORPUS if case.sized][::4]


def test_there_are_at_least_300_of_them() -> None:
    assert len({case.name for case in CORPUS}) == len(CORPUS) >= 300


@pytest.fixture(scope="module", autouse=True)
def _warm(tmp_path_factory: pytest.TempPathFactory) -> None:
    warm(tmp_path_factory.mktemp("warm"))


@pytest.mark.parametrize("case", SHARE, ids=lambda case: case.name)
def test_a_hostile_log_is_read_or_refused(case: HostileLog, tmp_path: Path) -> None:
    cost = measure(case, SMALL, tmp_path)
    assert not cost.traceback
    assert cost.peak_bytes < MOST_BYTES
    assert cost.error or cost.counted >= case.dropped
