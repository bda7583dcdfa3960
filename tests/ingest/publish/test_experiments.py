"""The earlier runs of a job, of which some are in the store and some are only remembered."""

from types import SimpleNamespace
from typing import Any

import pytest

from afterglow.ingest.publish.experiments import Experiments
from afterglow.ingest.publish.interface import Published
from afterglow.schemas.job_history import JobRun

MOST = 4


def run(number: int, start: int) -> JobRun:
    return JobRun("job", f"app-{number}", None, "job", start, "FINISHED", "complete", {})


class Store:
    """The runs that are stored, and how often they were asked for."""

    store = SimpleNamespace(experiment_id="1")

    def __init__(self, *stored: JobRun) -> None:
        self.stored, self.asked = stored, 0

    def earlier_runs(self, job: str, before_ms: int, most: int) -> list[JobRun]:
        self.asked += 1
        earlier = [one for one in self.stored if one.start_ms < before_ms]
        return sorted(earlier, key=lambda one: -one.start_ms)[:most]


def write(monkeypatch: pytest.MonkeyPatch, store: Store, starts: list[int]) -> list[int]:
    """Per application of a batch, whose runs the store does not have yet: how many earlier runs it is compared with."""
    monkeypatch.setattr(Experiments, "writer", lambda self, fields: store)
    experiments: Any = Experiments.__new__(Experiments)
    experiments._job_runs = {}
    numbers = []
    for number, start in enumerate(starts):
        one = run(number, start)
        earlier = experiments.earlier_runs({}, one, MOST)
        numbers.append(min(MOST, sum(other.start_ms <= start for other in earlier)))
        experiments.remember_run({}, one)
    return numbers


def test_runs_that_began_at_one_time_are_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    assert write(monkeypatch, Store(), [7] * 12) == [0, 1, 2, 3] + [4] * 8


def test_an_older_run_makes_nothing_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    assert write(monkeypatch, Store(), [10, 20, 30, 40, 5, 50, 60]) == [0, 1, 2, 3, 0, 4, 4]


def test_the_store_is_asked_for_what_is_older_than_all_that_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(*(run(100 + start, start) for start in range(1, 30)))
    assert write(monkeypatch, store, [40, 41, 3, 42]) == [4, 4, 3, 4]
    assert store.asked == 2


def test_more_runs_are_remembered_than_are_compared_with(monkeypatch: pytest.MonkeyPatch) -> None:
    assert write(monkeypatch, Store(), [10, 20, 30, 40, 50, 60, 70, 80, 35])[-1] == 3


def test_the_oldest_known_run_decides_whether_the_store_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    write(monkeypatch, store, [50, 40, 30, 20, 45])
    assert store.asked == 1


def test_few_runs_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Experiments, "writer", lambda self, fields: Store())
    experiments: Any = Experiments.__new__(Experiments)
    experiments._job_runs = {}
    for number in range(100):
        known = experiments.earlier_runs({}, run(number, number), MOST)
        experiments.remember_run({}, run(number, number))
    assert len(known) <= 5 * MOST + 1 and max(one.start_ms for one in known) == 99


def test_a_run_that_was_there_already_is_compared_with_the_next_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trees that are written at once may be complete in any order when an import is killed."""
    store = Store(run(1, 10), run(3, 30))
    monkeypatch.setattr(Experiments, "writer", lambda self, fields: store)
    experiments: Any = Experiments.__new__(Experiments)
    experiments._job_runs = {}
    assert len(experiments.earlier_runs({}, run(2, 20), MOST)) == 1
    experiments.remember_run({}, run(2, 20))
    store.stored = (*store.stored, run(2, 20))
    experiments.forget_runs(Published("1", "a", 0, 0, "", job="other"))
    assert len(experiments.earlier_runs({}, run(4, 40), MOST)) == 2
    experiments.forget_runs(Published("1", "a", 0, 0, "", job="job"))
    assert len(experiments.earlier_runs({}, run(4, 40), MOST)) == 3


def test_a_run_that_is_written_again_replaces_the_stored_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Experiments, "writer", lambda self, fields: Store(run(0, 0), run(1, 10)))
    experiments: Any = Experiments.__new__(Experiments)
    experiments._job_runs = {}
    for number in (0, 1):
        experiments.earlier_runs({}, run(number, 10 * number), MOST)
        experiments.remember_run({}, run(number, 10 * number))
    earlier = experiments.earlier_runs({}, run(2, 20), MOST)
    assert sorted(one.app_id for one in earlier) == ["app-0", "app-1"]
