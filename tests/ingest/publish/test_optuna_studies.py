"""Studies that MLflow's own storage keeps: their runs become those of the search, and the study stays usable."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run as StoredRun
from mlflow.entities import RunData, RunInfo

from afterglow.ingest.publish import open_writer
from afterglow.ingest.publish.interface import Published
from afterglow.ingest.publish.optuna_studies import match_tasks
from afterglow.ingest.publish.publish import Import, publish
from afterglow.schemas.runs.tree import Run, RunTree

from . import stores

pytestmark = pytest.mark.studies
ROOT = "app-9"
BEGIN = 1_700_000_000_000


class Store:
    """A store with an experiment of studies, and the writer to write to it with."""

    def __init__(self, uri: str, writer: str) -> None:
        self.uri, self.writer, self.client = uri, writer, MlflowClient(uri)
        self.experiment = self.client.create_experiment("studies")

    def study(self, name: str, trials: int, **more: object) -> tuple[StoredRun, list[StoredRun]]:
        """The run of a study, and those of its trials in the order in which they ran."""
        import optuna
        from mlflow.optuna.storage import MlflowStorage

        study = optuna.create_study(study_name=name, storage=MlflowStorage(experiment_id=self.experiment), **more)
        for _ in range(trials):
            trial = study.ask()
            study.tell(trial, [trial.suggest_float("x", 0, 1)] * len(study.directions))
        study._storage.flush_all_batches()
        self._lay_apart(study._study_id)
        runs = self.client.search_runs([self.experiment], f"tags.`mlflow.parentRunId` = '{study._study_id}'")
        return self.client.get_run(study._study_id), sorted(runs, key=lambda run: int(run.data.tags["numbers"]))

    def _lay_apart(self, study: str) -> None:
        """A minute for each trial of the study: clocks that differ a little do not matter then."""
        with sqlite3.connect(self.uri.removeprefix("sqlite:///")) as database:
            of_study = "SELECT run_uuid FROM tags WHERE key = 'mlflow.parentRunId' AND value = ?"
            for at, (run_id,) in enumerate(database.execute(of_study + " ORDER BY rowid", [study]).fetchall()):
                begin = BEGIN + at * 60_000
                change = "UPDATE runs SET start_time = ?, end_time = ? WHERE run_uuid = ?"
                database.execute(change, [begin, begin + 50_000, run_id])
            database.execute("UPDATE runs SET start_time = ? WHERE run_uuid = ?", [BEGIN, study])

    def imports(self, runs: list[Run], fingerprint: str = "one") -> Published:
        into = open_writer(self.uri, "imported", self.writer)
        return publish(Import(RunTree(runs), fingerprint, "0", lambda issues, folder: None), into)

    def run(self, key: str) -> StoredRun:
        """The run of a key, wherever it is."""
        where = [one.experiment_id for one in self.client.search_experiments()]
        (found,) = self.client.search_runs(where, f"tags.`afterglow.key` = '{key}'")
        return found


through_both_writers = pytest.mark.parametrize("store", ["sql", "rest"], indirect=True)


@pytest.fixture(params=["sql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    uri = stores.new_sqlite(tmp_path / "mlflow.db")
    mlflow.set_tracking_uri(uri)
    yield Store(uri, request.param)
    mlflow.set_tracking_uri(None)  # type: ignore[arg-type]


def tree(group: str, trials: list[StoredRun], number: int | None = None) -> list[Run]:
    """An application that ran the study in a job with a task per trial."""
    begin = min(run.info.start_time for run in trials) - 5
    end = max(run.info.end_time for run in trials) + 5
    tags = {"afterglow.tuning.kind": "MlflowSparkStudy", "afterglow.tuning.uid": "optuna_x"}

    def one(level: str, key: str, parent: str | None, start: int, stop: int, **own: str) -> Run:
        known = {"afterglow.level": level, "afterglow.key": key, "spark.app.id": "app-9", **own}
        figures = {"time/duration_s": (stop - start) / 1e3, "trials/total": float(number or len(trials))}
        return Run(level, key, parent, level, "FINISHED", start, stop, figures, tags=known)  # type: ignore[arg-type]

    runs = [
        one("application", ROOT, None, begin - 20, end + 20),
        one("tuning", f"{ROOT}/tuning/x", ROOT, begin, end, **tags),
    ]
    if number is None:
        for at, run in enumerate(trials):
            start, stop = run.info.start_time - 2, run.info.end_time + 2
            runs.append(one("trial", f"{ROOT}/tuning/x/trial/{at}", f"{ROOT}/tuning/x", start, stop))
    runs.append(one("job", f"{ROOT}/job/0", f"{ROOT}/tuning/x", begin, end, **{"spark.job.group": group}))
    return runs


def values(name: str, experiment: str) -> list[list[float]]:
    """What the study holds when it is continued."""
    import optuna
    from mlflow.optuna.storage import MlflowStorage

    study = optuna.load_study(study_name=name, storage=MlflowStorage(experiment_id=experiment))
    return sorted(trial.values for trial in study.trials)


@through_both_writers
def test_figures_are_on_the_runs_of_the_study_and_its_trials(store: Store) -> None:
    study, trials = store.study("price", 3)
    before = values("price", store.experiment)
    found = store.imports(tree(f"optuna_trial_price_{store.experiment}", trials))
    assert found.experiment_id == store.experiment
    search = store.run(f"{ROOT}/tuning/x")
    assert (search.info.run_id, search.info.end_time) == (study.info.run_id, study.info.end_time)
    assert search.data.metrics["time/duration_s"] > 0 and search.data.tags["optuna.study_direction"] == "MINIMIZE"
    for at, trial in enumerate(trials):
        adopted = store.run(f"{ROOT}/tuning/x/trial/{at}")
        assert (adopted.info.run_id, adopted.info.run_name) == (trial.info.run_id, trial.info.run_name)
        assert adopted.data.params == trial.data.params and adopted.data.metrics["time/duration_s"] > 0
    assert store.run(f"{ROOT}/job/0").data.tags["mlflow.parentRunId"] == found.run_id
    assert values("price", store.experiment) == before
    again = store.imports(tree(f"optuna_trial_price_{store.experiment}", trials))
    assert (again.run_id, again.state) == (found.run_id, "unchanged")


@pytest.mark.slow
def test_an_import_of_many_logs_finds_it_beside_its_study(store: Store) -> None:
    _, trials = store.study("price", 2)
    found = store.imports(tree(f"optuna_trial_price_{store.experiment}", trials))
    into = open_writer(store.uri, "imported", store.writer)
    into.load_fingerprints()
    known = into.find("one")
    assert known is not None and known.run_id == found.run_id


@pytest.mark.slow
def test_a_study_with_several_trials_in_a_task_has_its_figures_and_nothing_else_below(store: Store) -> None:
    study, trials = store.study("price", 4)
    store.imports(tree(f"optuna_trial_price_{store.experiment}", trials, number=4))
    assert store.run(f"{ROOT}/tuning/x").info.run_id == study.info.run_id
    assert len(values("price", store.experiment)) == 4


@pytest.mark.slow
def test_where_the_notebook_has_a_group_it_is_the_only_study_with_as_many_trials(store: Store) -> None:
    study, trials = store.study("price", 3)
    store.study("other", 2)
    store.imports(tree("notebook 7", trials))
    assert store.run(f"{ROOT}/tuning/x").info.run_id == study.info.run_id


@pytest.mark.slow
def test_trials_of_several_objectives_are_left_alone_because_their_metrics_are_read_by_number(store: Store) -> None:
    study, trials = store.study("price", 2, directions=["minimize", "maximize"])
    before = values("price", store.experiment)
    found = store.imports(tree(f"optuna_trial_price_{store.experiment}", trials))
    assert store.run(f"{ROOT}/tuning/x").info.run_id == study.info.run_id
    for at, trial in enumerate(trials):
        assert store.run(f"{ROOT}/tuning/x/trial/{at}").data.tags["mlflow.parentRunId"] == found.run_id
        assert store.client.get_run(trial.info.run_id).data.metrics == trial.data.metrics
    assert values("price", store.experiment) == before


@pytest.mark.slow
def test_a_study_that_was_continued_by_another_application_stays_the_first_one_s(store: Store) -> None:
    study, trials = store.study("price", 2)
    store.imports(tree(f"optuna_trial_price_{store.experiment}", trials))
    store.client.set_tag(study.info.run_id, "afterglow.key", "another/tuning/x")
    for trial in trials:
        store.client.delete_tag(trial.info.run_id, "afterglow.key")
    store.imports(tree(f"optuna_trial_price_{store.experiment}", trials), "two")
    assert store.run(f"{ROOT}/tuning/x").info.run_id != study.info.run_id
    assert "afterglow.application_run" in store.client.get_run(study.info.run_id).data.tags


@pytest.mark.slow
def test_without_the_study_s_experiment_the_tree_is_as_any_other(store: Store) -> None:
    _, trials = store.study("price", 2)
    for group in ("optuna_trial_price_99", "optuna_trial_cost_0"):
        found = store.imports(tree(group, trials), group)
    assert found.experiment_id != store.experiment
    assert store.run(f"{ROOT}/tuning/x/trial/1").data.tags["mlflow.parentRunId"] != found.run_id


@pytest.mark.parametrize(
    "spans, expected",
    [
        ([(0, 50_000), (0, 90_000)], {"0": "a", "1": "b"}),  # b ends after the first task: the order is the only one
        ([(0, 90_000), (0, 50_000)], {"1": "a", "0": "b"}),
        ([(0, 89_000), (0, 90_000)], {}),  # either may be of either task
        ([(0, 30_000), (0, 90_000)], {}),  # a ends after the first task, and both fit the second
        ([(60_000, 90_000)], {"0": "b"}),  # a retry left another run
    ],
)
def test_a_task_ends_right_after_its_trial(spans: list[tuple[int, int]], expected: dict[str, str]) -> None:
    trials = [_stored("a", 1_000, 49_000), _stored("b", 61_000 if len(spans) == 1 else 1_000, 88_000)]
    tasks = [Run("trial", str(n), None, "trial", "FINISHED", begin, end) for n, (begin, end) in enumerate(spans)]
    assert match_tasks(tasks, trials) == expected


def test_three_runs_that_may_change_places_in_a_circle_are_not_matched() -> None:
    spans, own = [(0, 20_000), (10_000, 30_000), (0, 40_000)], [(11_000, 19_000), (11_000, 29_000), (11_000, 18_900)]
    tasks = [Run("trial", str(n), None, "trial", "FINISHED", begin, end) for n, (begin, end) in enumerate(spans)]
    assert match_tasks(tasks, [_stored(str(n), begin, end) for n, (begin, end) in enumerate(own)]) == {}


def _stored(run_id: str, begin: int, end: int) -> StoredRun:
    return StoredRun(RunInfo(run_id, "1", "u", "FINISHED", begin, end, "active"), RunData())
