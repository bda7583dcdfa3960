"""Find the runs of MLflow's MlflowSparkStudy. The study's run becomes that of the search, its trials' those of trials.

`mlflow.optuna.storage.MlflowStorage` keeps a study as a run with the tag `optuna.study_direction`, and its trials as
the runs directly below. It reads every run below a study as a trial when the study is continued, so nothing else may be
put there. A run of a trial with several objectives gets no metrics, because its metrics are read by their number.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mlflow.entities import Run as StoredRun

from ...schemas import mlflow as strings
from ...schemas.runs.params_tags import KEY_TAG
from ...schemas.runs.tree import Run, RunTree
from ..errors import PublishError
from .search_conditions import condition
from .store import TrackingStore

_KIND = "MlflowSparkStudy"
_DIRECTION = "optuna.study_direction"
_SEVERAL_OBJECTIVES = "value_0"
# mlflow.pyspark.optuna.study.MlflowSparkStudy.optimize: optuna_trial_<study>_<experiment id>
_GROUP = re.compile(r"^optuna_trial_(.*)_([^_]+)$", re.DOTALL)
# How far the clocks of the driver and of an executor may differ.
_CLOCKS_DIFFER_MS = 500


@dataclass(frozen=True, slots=True)
class Study:
    """The run of a study, and the runs of its trials that started while the search ran."""

    run: StoredRun
    trials: Sequence[StoredRun]

    @property
    def experiment_id(self) -> str:
        """The experiment of all these runs."""
        return str(self.run.info.experiment_id)


def find_studies(store: TrackingStore, tree: RunTree) -> Mapping[str, Study]:
    """Key of a search's run -> its study. The job group names the study, unless the notebook has set its own: then it
    is the only study of the store with as many trials in this time."""
    below = tree.children()
    found: dict[str, Study] = {}
    for search in filter(_is_of_study, tree.runs):
        study = _study(store, search, below.get(search.key, ()))
        if study is not None:
            found[search.key] = study
    return found


def has_study(tree: RunTree) -> bool:
    """Whether a search of the tree may have a study in the store."""
    return any(map(_is_of_study, tree.runs))


def _is_of_study(run: Run) -> bool:
    return run.level == "tuning" and run.tags.get("afterglow.tuning.kind") == _KIND


def _study(store: TrackingStore, search: Run, below: Iterable[Run]) -> Study | None:
    groups = {run.tags.get("spark.job.group", "") for run in below if run.level == "job"}
    named = next((match for group in groups if (match := _GROUP.match(group))), None)
    if named is not None:
        where = [named[2]] if named[2] in store.experiments() else []
        runs = store.tagged(strings.RUN_NAME, named[1], experiments=where) if where else []
        # the newest of the name, as MlflowStorage takes it
        runs = sorted((run for run in runs if _is_study(run, search)), key=lambda run: -run.info.start_time)[:1]
        return next((Study(run, _trials(store, run, search)) for run in runs), None)
    fitting = [
        study
        for experiment in store.experiments()
        for run in _studies_of(store, experiment)
        if _is_study(run, search)
        and len((study := Study(run, _trials(store, run, search))).trials) == search.metrics.get("trials/total")
    ]
    return fitting[0] if len(fitting) == 1 else None


def _studies_of(store: TrackingStore, experiment: str) -> list[StoredRun]:
    try:
        return list(store.search(f"tags.`{_DIRECTION}` LIKE '%'", experiments=[experiment]))
    except PublishError:  # it was deleted meanwhile, or is not this user's to read
        return []


def _is_study(run: StoredRun, search: Run) -> bool:
    began_before = search.end_ms is None or run.info.start_time <= search.end_ms
    return _DIRECTION in run.data.tags and began_before


def _trials(store: TrackingStore, study: StoredRun, search: Run) -> list[StoredRun]:
    where = [study.info.experiment_id]
    below = store.search(condition(strings.PARENT_RUN_ID, study.info.run_id), experiments=where)
    return [run for run in below if _within(run, search.start_ms, search.end_ms)]


def _within(run: StoredRun, start_ms: int, end_ms: int | None) -> bool:
    begin, end = run.info.start_time, run.info.end_time or run.info.start_time
    return begin >= start_ms - _CLOCKS_DIFFER_MS and (end_ms is None or end <= end_ms + _CLOCKS_DIFFER_MS)


def adopted_runs(tree: RunTree, studies: Mapping[str, Study]) -> dict[str, str]:
    """Key -> id, for the runs of searches and trials that are runs of a study already.

    A trial is a task, and its run began and ended within it. A study's run is taken where only one search of the
    application continued it, and no other application did before.
    """
    found: dict[str, str] = {}
    below = tree.children()
    ids = [study.run.info.run_id for study in studies.values()]
    for key, study in studies.items():
        found.update(match_tasks([run for run in below.get(key, ()) if run.level == "trial"], study.trials))
        run = study.run
        if run.data.tags.get(KEY_TAG) in (None, key) and ids.count(run.info.run_id) == 1:
            found[key] = run.info.run_id
    return found


def match_tasks(tasks: Sequence[Run], trials: Sequence[StoredRun]) -> dict[str, str]:
    """Key of a trial that is a task -> id of its run in the study, where no other run could be that task's.

    A task ends right after its trial, so as many tasks as runs are matched in the order in which they ended. Runs that
    could be exchanged, because each began and ended within the task of another, are left out. A task that was retried
    leaves more runs than tasks; then only those that fit one task are matched.
    """
    if any(_SEVERAL_OBJECTIVES in run.data.metrics for run in trials):
        return {}
    tasks = sorted(tasks, key=lambda task: (task.end_ms or 0, task.start_ms))
    runs = sorted(trials, key=lambda run: (run.info.end_time or 0, run.info.start_time))
    fits = [[at for at, run in enumerate(runs) if _within(run, task.start_ms, task.end_ms)] for task in tasks]
    if len(tasks) == len(runs) and all(at in fit for at, fit in enumerate(fits)):
        group = _cycles(fits)
        return {task.key: runs[at].info.run_id for at, task in enumerate(tasks) if group.count(group[at]) == 1}
    wanted = [at for fit in fits for at in fit]
    only = {task.key: fit[0] for task, fit in zip(tasks, fits, strict=True) if len(fit) == 1}
    return {key: runs[at].info.run_id for key, at in only.items() if wanted.count(at) == 1}


def _cycles(edges: Sequence[Sequence[int]]) -> list[int]:
    """The strongly connected component of every node: nodes that lead to each other have the same number."""
    order: list[int] = []
    _visit(edges, range(len(edges)), lambda node, root: order.append(node))
    reverse: list[list[int]] = [[] for _ in edges]
    for node, following in enumerate(edges):
        for other in following:
            reverse[other].append(node)
    component = [0] * len(edges)
    _visit(reverse, reversed(order), component.__setitem__)
    return component


def _visit(edges: Sequence[Sequence[int]], roots: Iterable[int], leave: Callable[[int, int], None]) -> None:
    """Depth first: calls `leave` with every node and its root when all nodes after it are left."""
    seen: set[int] = set()
    for root in roots:
        pending = [(root, iter(edges[root]))] if root not in seen else []
        seen.add(root)
        while pending:
            node, following = pending[-1]
            new = next((other for other in following if other not in seen), None)
            if new is None:
                leave(node, root)
                pending.pop()
            else:
                seen.add(new)
                pending.append((new, iter(edges[new])))


def without_other_runs_below(tree: RunTree, adopted: Mapping[str, str]) -> RunTree:
    """The tree, in which only runs of the study are below an adopted search; its other runs are where the search is."""
    by_key = {run.key: run for run in tree.runs}

    def moved(run: Run) -> Run:
        above = by_key.get(run.parent or "")
        is_search = above is not None and above.level == "tuning" and above.key in adopted
        return replace(run, parent=above.parent) if above and is_search and run.key not in adopted else run

    return replace(tree, runs=[moved(run) for run in tree.runs]) if adopted else tree
