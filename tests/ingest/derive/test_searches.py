"""The runs of searches, trials and fits, from their tables."""

from collections.abc import Mapping, Sequence

from afterglow.ingest import arrow
from afterglow.ingest.derive.searches import branches, job_parent
from afterglow.schemas.logs import EventLog, EventLogTables
from afterglow.schemas.tables import FITS, TABLES, TRIALS, TUNINGS

SEARCH = {"tuning_uid": "s", "kind": "SparkTrials", "status": "FINISHED"}
TRIAL = {"tuning_uid": "s", "trial": 0, "status": "FINISHED"}


def tables(fits: Sequence[Mapping[str, object]]) -> EventLogTables:
    """A search with one trial that has these fits."""
    found = {table.name: arrow.empty(table) for table in TABLES}
    for table, rows in ((TUNINGS, [SEARCH]), (TRIALS, [TRIAL]), (FITS, [{**TRIAL, **fit} for fit in fits])):
        found[table.name] = arrow.from_rows(table, ([row.get(c.name) for c in table] for row in rows))
    return EventLogTables(EventLog("x", "single", ()), found)


def test_a_trial_that_is_one_job_or_task_has_no_fit_below_it() -> None:
    fit = {"stage_id": 3, "stage_attempt": 0, "task_id": 9}
    search, trial = branches(tables([fit]), "app")
    assert (search.level, trial.level, trial.name) == ("tuning", "trial", "trial 0")
    assert trial.tasks == {(3, 0, 9)}
    job = {"tuning_uid": "s", "trial": 0, "fold": None, "fit_uid": None, "phase": "fit", "annotated_run": None}
    assert job_parent("app", job, {search.key, trial.key}) == trial.key
    assert job_parent("app", {**job, "trial": None}, {search.key, trial.key}) == search.key


def test_a_trial_on_folds_has_a_fit_for_each() -> None:
    found = branches(tables([{"fold": 0}, {"fold": 1}]), "app")
    assert [branch.name for branch in found if branch.level == "fit"] == ["fold 0", "fold 1"]
