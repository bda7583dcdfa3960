"""The levels of the run tree."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["application", "session", "run", "query", "tuning", "trial", "fit", "job", "stage", "task"]


@dataclass(frozen=True, slots=True)
class RunLevel:
    """One level of the run tree: its runs, the form of their `afterglow.key`, and an example of their name."""

    level: Level
    doc: str
    key: str
    name: str


LEVELS = (
    RunLevel("application", "One application attempt.", "<app_id>/<attempt>", "the application's name"),
    RunLevel(
        "session",
        "One session of a Spark Connect server, with the user of its client.",
        "<app_id>/<attempt>/session/<session id>",
        "session ann 5f6a0a2e",
    ),
    RunLevel(
        "run",
        "One `with annotate.run(name)` block of the job.",
        "<app_id>/<attempt>/run/<id>",
        "the name passed to annotate.run",
    ),
    RunLevel(
        "query",
        "One run of a structured streaming query. Its batches are points of its metric histories.",
        "<app_id>/<attempt>/query/<run id>",
        "query sensors: the query's name",
    ),
    RunLevel(
        "tuning",
        "One hyperparameter search. A nested search is a child of a fit.",
        "<app_id>/<attempt>/tuning/<uid>",
        "tuning → 0.837 areaUnderROC · maxDepth=7 numTrees=20 · CrossValidator_4506ccbc4279 · 3 folds x 4 trials",
    ),
    RunLevel(
        "trial",
        "One param map of a search, with one fit per fold. A trial that is one job or task has no fit below it.",
        "<app_id>/<attempt>/tuning/<uid>/trial/<trial>",
        "maxDepth=7 numTrees=20, or trial 2 where the log has no params",
    ),
    RunLevel(
        "fit",
        "One call of an estimator's fit with the evaluation of its model. In a search: one trial on one fold, or the "
        "refit of the best one.",
        "<app_id>/<attempt>/tuning/<uid>/trial/<trial>/fold/<fold>, <app_id>/<attempt>/tuning/<uid>/refit, outside "
        "searches <app_id>/<attempt>/fit/<fit_uid>",
        "fold 0, refit, outside searches the estimator's class",
    ),
    RunLevel(
        "job",
        "One Spark job. A job of a search is a child of its fit, or of the tuning where it prepares the search.",
        "<app_id>/<attempt>/job/<job>",
        "j7 write scores.parquet: its description or call site",
    ),
    RunLevel(
        "stage",
        "One stage attempt that ran. Skipped stages have no run, but their job counts them.",
        "<app_id>/<attempt>/stage/<stage>.<attempt>",
        "s12 RandomForest:730: its call site",
    ),
    RunLevel(
        "task",
        "One task attempt. `--task-runs` selects which ones get a run.",
        "<app_id>/<attempt>/task/<stage>.<attempt>/<task>",
        "t5 executor 2",
    ),
)

SEARCH: tuple[Level, ...] = ("tuning", "trial", "fit")
ABOVE_JOB: tuple[Level, ...] = ("application", "session", "run", "query", *SEARCH)
ABOVE_STAGE: tuple[Level, ...] = (*ABOVE_JOB, "job")
ABOVE_TASK: tuple[Level, ...] = (*ABOVE_STAGE, "stage")
EVERY: tuple[Level, ...] = (*ABOVE_TASK, "task")
