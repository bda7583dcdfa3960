"""The line that says what came out of a run: the best trial, an evaluation metric, or the work of its tasks."""

from collections.abc import Mapping, Sequence

from ....schemas.runs.tree import Run
from ... import units
from ...run_names import short_params
from ...units import count, seconds, size
from .text import Link, escape
from .trials import best_trial, cost, score, score_name


def result(run: Run, below: Mapping[str, Sequence[Run]], link: Link) -> str:
    """One line, or "" where the log holds no result."""
    if run.metrics.get("batches/total"):
        return _batches(run)
    if run.level in ("application", "session", "run", "query"):
        searches = [child for child in below.get(run.key, ()) if child.level == "tuning"]
        bests = [_best(search, below, link) for search in searches[:3]]
        return " ".join(best for best in bests if best) or _work(run)
    if run.level == "tuning":
        return _best(run, below, link)
    if run.metrics.get("models/total"):
        return _models(run)
    if run.level in ("trial", "fit"):
        own = _scored(run)
        if run.level == "fit" and not own:
            return _work(run)
        fitting = f"{seconds(cost(run))} of fitting" if cost(run) else ""
        return f"**Result:** {', '.join(part for part in (own, fitting) if part)}." if own or fitting else ""
    return _work(run)


def _best(search: Run, below: Mapping[str, Sequence[Run]], link: Link) -> str:
    trial = best_trial(search, below)
    if trial is None:
        return ""
    params = {name.removeprefix("best_"): value for name, value in search.params.items() if name.startswith("best_")}
    names = zip(short_params(list(params)), params.values(), strict=True)
    shown = ", ".join(f"{escape(name)}={escape(value, 60)}" for name, value in names)
    name = score_name(search)
    reached = f" → {escape(name)} {score(trial, name)}" if name and score(trial, name) else ""
    number = trial.tags.get("afterglow.trial", "")
    where = f"[trial {escape(number)}]({link(trial.key)}), {seconds(cost(trial))} of fitting"
    return f"**Best:** {shown or escape(trial.name)}{reached} ({where})."


def _batches(run: Run) -> str:
    """The micro-batches of a streaming query."""
    total, mean = run.metrics["batches/total"], run.metrics["batches/time_s"] / run.metrics["batches/total"]
    parts = [f"{count(total)} batch{'' if total == 1 else 'es'}"]
    parts.append(f"mean {seconds(mean)}, longest {seconds(run.metrics['batches/duration_max_s'])}")
    if "batches/input_rows" in run.metrics:
        parts.append(f"{count(run.metrics['batches/input_rows'])} rows read")
    return f"**Result:** {', '.join(parts)}."


def _models(run: Run) -> str:
    """The models of groups, where tasks trained one each."""
    figures, slowest = run.metrics, run.tags.get("afterglow.models.slowest")
    parts = [f"{count(figures['models/total'])} models"]
    if "models/seconds_max" in figures:
        middle, most = figures["models/seconds_median"], figures["models/seconds_max"]
        parts.append(f"median {seconds(middle)}, longest {seconds(most)} (model {escape(slowest or '', 60)})")
    if "models/rows_max" in figures:
        middle, most = figures["models/rows_median"], figures["models/rows_max"]
        parts.append(f"median {count(middle)} rows, most {count(most)}")
    return f"**Result:** {', '.join(parts)}."


def _scored(run: Run) -> str:
    """The evaluation metric of a trial or fit: the only metrics whose names have no group."""
    for name in run.metrics:
        if name.startswith("avg_"):
            metric = name.removeprefix("avg_")
            return f"{escape(metric)} {score(run, metric)}"
    return ", ".join(f"{escape(name)} {units.score(value)}" for name, value in run.metrics.items() if "/" not in name)


def _work(run: Run) -> str:
    figures = run.metrics
    parts = []
    if figures.get("tasks/total"):
        failed = figures.get("tasks/failed", 0)
        number = f"{count(figures['tasks/total'])} task{'' if figures['tasks/total'] == 1 else 's'}"
        parts.append(number + (f", {count(failed)} failed" if failed else ""))
    if run.level == "stage" and "task_duration_s/p50" in figures:
        median, longest = figures["task_duration_s/p50"], figures["task_duration_s/max"]
        parts.append(f"median {seconds(median)}, longest {seconds(longest)}")
    for label, name in (
        ("read", "io/input_bytes"),
        ("wrote", "io/output_bytes"),
        ("shuffled", "shuffle/read_bytes"),
        ("spilled", "spill/disk_bytes"),
    ):
        if figures.get(name):
            parts.append(f"{label} {size(figures[name])}")
    return f"**Result:** {', '.join(parts)}." if parts else ""
