"""Write a run's description in Markdown: a summary, its key figures, and links to related runs.

Text from the log is untrusted. It is escaped, so that it is shown literally.
"""

import heapq
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from mlflow.entities import Run as StoredRun

from ...schemas.findings import FINDING_CODES
from ...schemas.runs.tree import Run
from ...schemas.tables.training import MINIMUM_CONFIDENCE
from ..units import count, seconds, share, size
from .urls import run_path

Link = Callable[[str], str]
"""A run's key -> the address of its page."""

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-!|~&$:@])")
_SHOWN = 5
_SENTENCE = 300


def escape(text: str, at_most: int = 160) -> str:
    """Text from a log as Markdown that shows exactly this text, on one line."""
    line = " ".join(text.split())
    line = line if len(line) <= at_most else line[: at_most - 1] + "…"
    # A leading number with a dot would start a list; entities prevent markup.
    return _SPECIAL.sub(lambda match: f"&#{ord(match[1])};", line)


def describe(
    run: Run, below: Mapping[str, Sequence[Run]], parent: Run | None, link: Link, tasks: Iterable[Run] = ()
) -> str:
    """The description of any run except a task's.

    `below` is RunTree.children(), `link` returns the address of any run of the tree, `tasks` are the tasks of a stage.
    """
    # The page shows the first lines and hides the rest behind "Show more", so important links come first.
    lines = [_sentence(run)]
    failure = run.tags.get("spark.failure_reason")
    if failure:
        lines.append(f"**Failed:** {escape(failure, 300)}")
    lines.append(_findings(run, link))
    children = _descendant_stages(run, below) if run.level == "application" else []
    lines.extend(_children([*below.get(run.key, ()), *children], link))
    lines.extend(_tasks(tasks, link))
    lines.append(_figures(run))
    lines.extend(escape(one.message, _SENTENCE) for one in run.findings if one.informational)
    if run.tags.get("afterglow.tasks_without_run"):
        lines.append(
            f"{count(float(run.tags['afterglow.tasks_without_run']))} tasks have no run of their own; "
            "they are in `tables/tasks.parquet` of the application's artifacts."
        )
    if parent is not None:
        lines.append(f"Part of {_linked(parent, link)}.")
    return "\n\n".join(line for line in lines if line)


def links_to_training_runs(runs: Sequence[StoredRun]) -> str:
    """A paragraph with links to runs that the training job created itself; empty if there are none."""
    if not runs:
        return ""
    some = (
        f"[{escape(run.info.run_name or run.info.run_id)}]({run_path(run.info.experiment_id, run.info.run_id)})"
        for run in runs[:_SHOWN]
    )
    more = f" and {count(len(runs) - _SHOWN)} more" if len(runs) > _SHOWN else ""
    return f"\n\nRuns of the training job itself: {', '.join(some)}{more}."


def _findings(run: Run, link: Link) -> str:
    """The findings, most expensive first. An application's findings link to the affected runs."""
    reported = [one for one in run.findings if not one.informational]
    if not reported:
        return ""
    lines = []
    for one in reported[:_SHOWN]:
        cost = f", {seconds(one.cost_s)}" if one.cost_s else ""
        where = f" [{escape(one.subject, 100)}]({link(one.run)}):" if one.run != run.key else ""
        if one.run == run.key and FINDING_CODES[one.code].level in ("executor", "host"):
            where = f" {escape(one.subject, 100)}:"
        lines.append(f"- **{one.severity}{cost}**{where} {escape(one.message, _SENTENCE)} {one.advice}")
    if len(reported) > _SHOWN:
        of = "of the application's artifacts" if run.level != "application" else ""
        lines.append(f"- {count(len(reported) - _SHOWN)} more in `tables/findings.parquet` {of}".rstrip())
    return "**What cost time**, as estimated\n\n" + "\n".join(lines)


def _descendant_stages(run: Run, below: Mapping[str, Sequence[Run]]) -> list[Run]:
    found: list[Run] = []
    pending = [child for child in below.get(run.key, ()) if child.level != "stage"]
    while pending:
        children = below.get(pending.pop().key, ())
        found.extend(child for child in children if child.level == "stage")
        pending.extend(child for child in children if child.level not in ("stage", "task"))
    return found


def _sentence(run: Run) -> str:
    what = {
        "application": "Spark application",
        "session": "Spark Connect session",
        "tuning": "Hyperparameter search:",
        "trial": "One param map of a search:",
        "fit": "One param map trained and evaluated on one fold:",
        "job": "Spark job",
        "stage": "Stage attempt",
        "task": "Task attempt",
    }
    ran = f"ran {seconds(run.duration_s)}" if run.duration_s is not None else "is still running"
    ended = {"FAILED": " and failed", "KILLED": " and never ended in the log"}.get(run.status, "")
    parts = [f"**{what[run.level]} {escape(run.name)}** {ran}{ended}."]
    if run.level == "application":
        version, cores = run.params.get("spark.version"), run.params.get("total_cores")
        parts.append(f"Spark {escape(version)}, " if version else "")
        executors = run.metrics.get("executors/total", 0)
        parts.append(
            f"{count(executors)} executor{'' if executors == 1 else 's'}"
            + (f" with {escape(cores)} cores" if cores else "")
            + "."
        )
        completeness = run.tags.get("afterglow.completeness")
        if completeness != "complete":
            parts.append(
                f"The log is not complete: **{escape(completeness or 'unknown').replace('&#95;', ' ')}**; "
                "see `issues.json`."
            )
    if run.level == "tuning":
        parts.append(_how_found(run))
    if run.level == "fit" and float(run.tags.get("afterglow.tuning.confidence", 1)) <= _UNSURE:
        parts.append(
            "Trials ran at the same time: it is not certain that its training and its evaluation are of one trial."
        )
    if run.level == "trial" and run.params:
        parts.append(
            "Params: " + ", ".join(f"{escape(k)} = {escape(v, 60)}" for k, v in sorted(run.params.items())) + "."
        )
    return " ".join(part for part in parts if part)


# A fit that may contain another trial's jobs has at most half of its search's confidence.
_UNSURE = 0.5

_FOUND = {
    "annotation": "The job wrote it (afterglow.annotate).",
    "plan": "Found by the folds in its query plans.",
    "lineage": "Found by the cached data that its jobs read in turn.",
    "stack": "Found by the call stacks of its jobs.",
    "equal fits": "Found by equal fits on the same data, one after the other.",
    "call site": "Found by fits that come from one line of the script.",
}


_UNPAIRED = (
    "Its trainings and evaluations cannot be paired to trials from this log; add `annotate.autolog()` to the job, "
    "or start it with `afterglow submit --annotate`."
)


def _how_found(run: Run) -> str:
    estimator, evaluator = run.tags.get("afterglow.estimator"), run.tags.get("afterglow.evaluator")
    of = f"Estimator {escape(estimator)}" if estimator else ""
    of += (f", evaluator {escape(evaluator)}" if evaluator else "") + ("." if estimator else "")
    source, sure = run.tags.get("afterglow.tuning.found_by", ""), run.tags.get("afterglow.tuning.confidence")
    if sure and float(sure) < MINIMUM_CONFIDENCE:
        of = f"{_UNPAIRED} {of}".strip()
    found = _FOUND.get(source, "") + (f" Confidence {share(float(sure))}." if sure and source != "annotation" else "")
    return f"{of} {found}".strip()


# label, metric, how it is shown
_SHOWN_FIGURES: Sequence[tuple[str, str, Callable[[float], str]]] = (
    ("trials", "trials/total", count),
    ("fits", "fits/total", count),
    ("failed fits", "fits/failed", count),
    ("all fits together", "time/fits_s", seconds),
    ("training", "time/fit_s", seconds),
    ("evaluation", "time/evaluate_s", seconds),
    ("tasks", "tasks/total", count),
    ("failed tasks", "tasks/failed", count),
    ("skipped stages", "stages/skipped", count),
    ("run time of all tasks", "time/executor_run_s", seconds),
    ("CPU", "time/executor_cpu_s", seconds),
    ("garbage collection", "time/gc_s", seconds),
    ("median task", "task_duration_s/p50", seconds),
    ("longest task", "task_duration_s/max", seconds),
    ("input", "io/input_bytes", size),
    ("output", "io/output_bytes", size),
    ("shuffle read", "shuffle/read_bytes", size),
    ("shuffle written", "shuffle/write_bytes", size),
    ("spilled to disk", "spill/disk_bytes", size),
    ("peak execution memory", "memory/peak_execution_bytes", size),
    ("cores idle", "executors/idle_ratio", share),
)
_ALWAYS = {"tasks/total", "time/executor_run_s"}


def _figures(run: Run) -> str:
    shown = [
        (label, form(run.metrics[name]))
        for label, name, form in _SHOWN_FIGURES
        if name in run.metrics and (run.metrics[name] or name in _ALWAYS)
    ]
    if not shown:
        return ""
    return "| | |\n|---|---|\n" + "\n".join(f"| {label} | {value} |" for label, value in shown)


def _children(children: Sequence[Run], link: Link) -> list[str]:
    lines = []
    searches = [run for run in children if run.level == "tuning"]
    if searches:
        lines.append(_list("Searches", searches, link))
    trials = [run for run in children if run.level == "trial"]
    if trials:
        lines.append(_list("Dearest trials, by the time of their fits", sorted(trials, key=_cost, reverse=True), link))
        lines.extend(_best(trials, link))
    for level, plural in (("fit", "folds"), ("stage", "stages"), ("job", "jobs")):
        own = [run for run in children if run.level == level]
        failed = [run for run in own if run.status == "FAILED"]
        slow = sorted((run for run in own if run.duration_s), key=lambda run: -(run.duration_s or 0))
        lines.extend(_failed_and_slow(level, plural, (failed, len(failed)), (slow, len(slow)), len(own), link))
    return lines


def _tasks(tasks: Iterable[Run], link: Link) -> list[str]:
    """Like other children, but without keeping them in memory: there may be 100,000."""
    failed: list[Run] = []
    slow: list[tuple[float, int, Run]] = []
    number = num_failed = num_slow = 0
    for number, run in enumerate(tasks, 1):
        if run.status == "FAILED":
            num_failed += 1
            if len(failed) < _SHOWN:
                failed.append(run)
        if run.duration_s:
            num_slow += 1
            keep = heapq.heappush if len(slow) < _SHOWN else heapq.heappushpop
            keep(slow, (run.duration_s, -number, run))
    slowest = [run for _, _, run in sorted(slow, reverse=True)]
    return _failed_and_slow("task", "tasks", (failed, num_failed), (slowest, num_slow), number, link)


def _failed_and_slow(
    level: str, plural: str, failed: tuple[Sequence[Run], int], slow: tuple[Sequence[Run], int], number: int, link: Link
) -> list[str]:
    lines = []
    if failed[1]:
        lines.append(_list(f"Failed {plural}", failed[0], link, failed[1]))
    if slow[1] > 1 or (slow[1] and not failed[1]):
        lines.append(_list(f"Slowest {plural}" if number > 1 else f"Its {level}", slow[0], link, slow[1]))
    return lines


def _cost(run: Run) -> float:
    return run.metrics.get("time/fits_s", run.duration_s or 0.0)


def _best(trials: Sequence[Run], link: Link) -> list[str]:
    """The trials with the highest and the lowest average metric. Which of them is better depends on the metric."""
    scored = [(value, name, run) for run in trials for name, value in run.metrics.items() if name.startswith("avg_")]
    if len(scored) < 2:
        return []
    scored.sort(key=lambda one: one[0])
    ends = (("Highest", scored[-1]), ("Lowest", scored[0]))
    return [
        " · ".join(f"{word} {escape(name)}: {value:.6g} ({_linked(run, link)})" for word, (value, name, run) in ends)
    ]


def _list(title: str, runs: Sequence[Run], link: Link, of: int | None = None) -> str:
    shown = [f"- {_linked(run, link)}: {seconds(_cost(run))}{_note(run)}" for run in runs[:_SHOWN]]
    number = len(runs) if of is None else of
    more = f" (the first {_SHOWN} of {count(number)})" if number > _SHOWN else ""
    return f"**{title}**{more}\n\n" + "\n".join(shown)


def _note(run: Run) -> str:
    skew = run.metrics.get("skew/duration_max_over_median", 0.0)
    parts = []
    if run.level in ("job", "stage") and skew >= 3:
        parts.append(f"longest task {skew:.1f} times the median")
    if run.metrics.get("tasks/failed"):
        parts.append(f"{count(run.metrics['tasks/failed'])} failed tasks")
    if run.tags.get("afterglow.task_selected_for"):
        parts.append(run.tags["afterglow.task_selected_for"])
    return f" ({', '.join(parts)})" if parts else ""


def _linked(run: Run, link: Link) -> str:
    return f"[{escape(run.name, 100)}]({link(run.key)})"
