"""Tag runs with their result and the one thing to do: the columns in which a table of runs has the answer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...schemas.runs.levels import ABOVE_JOB
from ...schemas.runs.params_tags import RESULT_TAG, TO_DO_TAG
from ...schemas.runs.tree import Run
from ..units import score, seconds

_NAMED = 3
_OWN = ("tuning", "trial", "fit")


def tag_answers(runs: Sequence[Run]) -> list[Run]:
    """The same runs, parents before children. A run without a result or a finding lacks the tag."""
    below: dict[str | None, list[Run]] = {}
    for run in runs:
        below.setdefault(run.parent, []).append(run)
    tagged = []
    for run in runs:
        result = _result(run, below) if run.level in ABOVE_JOB else ""
        answers = {RESULT_TAG: result, TO_DO_TAG: _to_do(run)}
        known = {name: text for name, text in answers.items() if text}
        tagged.append(replace(run, tags={**run.tags, **known}) if known else run)
    return tagged


def _result(run: Run, below: Mapping[str | None, Sequence[Run]]) -> str:
    """`areaUnderROC 0.9448 ± 0.0041 · numTrees=40`: of the best trial, of a fit, or of the first searches and
    fits below. The metric is first, because a column may be narrow."""
    if run.level == "tuning":
        number, name = (run.tags.get(f"afterglow.tuning.{key}") for key in ("best_trial", "metric"))
        trials = [one for one in below.get(run.key, ()) if one.level == "trial"]
        best = next((one for one in trials if number is not None and one.tags.get("afterglow.trial") == number), None)
        return "" if best is None else " · ".join(part for part in (_reached(best, name), best.name) if part)
    if run.level in _OWN:
        return _reached(run, None)
    parts = []
    for child in below.get(run.key, ()):
        result = _result(child, below) if child.level in ("tuning", "fit", "session") else ""
        if result:
            parts.append(f"{result} · {child.name}" if child.level == "fit" else result)
    return "; ".join(parts[:_NAMED]) + (f"; {len(parts) - _NAMED} more" if len(parts) > _NAMED else "")


def _reached(run: Run, name: str | None) -> str:
    """The evaluation metric: the average over folds, else the first metric whose name has no group."""
    own = [metric for metric in run.metrics if "/" not in metric and not metric.startswith(("std_", "best_"))]
    averages = [metric for metric in own if metric.startswith("avg_")]
    metric = next((one for one in (f"avg_{name}", *averages, *own) if one in run.metrics), None)
    if metric is None:
        return ""
    plain = metric.removeprefix("avg_")
    return f"{plain} {score(run.metrics[metric], run.metrics.get(f'std_{plain}'))}"


def _to_do(run: Run) -> str:
    """`Skew, 1.52 s: Split the large partitions.`: the most expensive finding and its advice."""
    one = next((one for one in run.findings if not one.informational), None)
    if one is None:
        return ""
    cost = f", {seconds(one.cost_s)}" if one.cost_s else ""
    return f"{one.code.replace('_', ' ').capitalize()}{cost}: {one.advice}"
