"""Match the runs that the training job created itself: the application's parent run and autologged trials.

mlflow.pyspark.ml.autolog leaves one child run per param map, all with the same start and end, and search_results.csv
with the param maps in order on their parent. Those child runs become the trials, with the fits below them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...schemas.runs.tree import Run, RunTree


@dataclass(frozen=True, slots=True)
class OwnRun:
    """A run that MLflow's autologging created for one param map."""

    run_id: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Owner:
    """The job's own run, its experiment, its autologged trials, and the rows of its search_results.csv.

    `key` is the run's key if Afterglow wrote it.
    """

    run_id: str
    experiment_id: str
    trials: Sequence[OwnRun] = ()
    results: Sequence[Mapping[str, str]] = ()
    is_active: bool = True
    key: str | None = None


def match_trials(tree: RunTree, owner: Owner | None) -> dict[str, str]:
    """Trial key -> id of the matching autologged run.

    A trial is matched by its params and metric if the log has params, otherwise by the order of search_results.csv.
    Ambiguous trials are not matched: a separate run is better than a wrong match.
    """
    if owner is None or not owner.trials:
        return {}
    found: dict[str, str] = {}
    taken: set[str] = set()
    trials = [run for run in tree.runs if run.level == "trial"]
    searches = {run.parent for run in trials}
    for run in trials:
        row = _result(run, owner.results) if len(searches) == 1 else None
        fitting = [own for own in owner.trials if own.run_id not in taken and _is(run, own, row)]
        if len(fitting) == 1:
            found[run.key] = fitting[0].run_id
            taken.add(fitting[0].run_id)
    return found


def _result(run: Run, results: Sequence[Mapping[str, str]]) -> Mapping[str, str] | None:
    trial = int(run.tags.get("afterglow.trial", "-1"))
    return results[trial] if 0 <= trial < len(results) else None


def _is(run: Run, own: OwnRun, row: Mapping[str, str] | None) -> bool:
    scores = {name: value for name, value in run.metrics.items() if "/" not in name and name in own.metrics}
    if any(own.metrics[name] != value for name, value in scores.items()):
        return False
    if run.params:
        return all(_param(own, name) == value for name, value in run.params.items())
    return row is not None and _same(row, own)


def _same(row: Mapping[str, str], own: OwnRun) -> bool:
    """Whether a row of search_results.csv describes this run: the run has all metrics and params of the row."""
    numbers = {value for text in row.values() if (value := _number(text)) is not None}
    names = {name.removeprefix("param."): text for name, text in row.items()}
    of_params = [_param(own, name) == text for name, text in names.items() if _param(own, name) is not None]
    return bool(own.metrics) and all(value in numbers for value in own.metrics.values()) and all(of_params)


def _param(own: OwnRun, name: str) -> str | None:
    """A param by its name in the param map. Autologging omits the stage if the estimator is not a pipeline."""
    return own.params.get(name, own.params.get(name.rpartition(".")[2]))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
