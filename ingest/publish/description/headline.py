"""The line that says what a run was, how long it ran and how it ended."""

from ....schemas.runs.tree import Run
from ....schemas.tables.training import MINIMUM_CONFIDENCE
from ...orchestrators import describe_orchestrators
from ...units import count, seconds, share
from .text import escape

_WHAT = {
    "application": "Spark application",
    "session": "Spark Connect session",
    "run": "Named run",
    "query": "Structured streaming query",
    "tuning": "Hyperparameter search:",
    "trial": "Trial",
    "fit": "Fit",
    "job": "Spark job",
    "stage": "Stage attempt",
    "task": "Task attempt",
}
# A fit that may contain another trial's jobs has at most half of its search's confidence.
_UNSURE = 0.5
_FOUND = {
    "annotation": "The job wrote it (afterglow.annotate).",
    "plan": "Found by the folds in its query plans.",
    "lineage": "Found by the cached data that its jobs read in turn.",
    "stack": "Found by the call stacks of its jobs.",
    "pandas function": "Found by the pandas function in its query plan.",
    "job group": "Found by the job group of its jobs.",
    "shape of jobs": "Found by the shape of its jobs: each is a single task that a thread of PySpark submitted.",
    "operation": "Found by the operations of the Spark Connect session.",
    "equal fits": "Found by equal fits on the same data, one after the other.",
    "call site": "Found by fits that come from one line of the script.",
}
_UNPAIRED = (
    "Its trainings and evaluations cannot be paired to trials from this log; add `annotate.autolog()` to the job, "
    "or start it with `afterglow submit --annotate`."
)


def headline(run: Run) -> str:
    """What the run was: its level, name, duration and end, and what else identifies it."""
    ran = f"ran {seconds(run.duration_s)}" if run.duration_s is not None else "is still running"
    ended = {"FAILED": " and failed", "KILLED": " and never ended in the log"}.get(run.status, "")
    parts = [f"**{_titled(run)}** {ran}{ended}.", *_details(run)]
    return " ".join(part for part in parts if part)


def _titled(run: Run) -> str:
    """`Trial maxDepth=7`, `Trial 2`: the level is not repeated where the name begins with it. Neither is the result in
    the name of a search, which has a line of its own."""
    what = _WHAT[run.level]
    name = run.name.removeprefix(f"{run.level} ") if run.level in ("trial", "query") else run.name
    if run.level == "tuning" and " → " in name:
        name = " · ".join(name.split(" · ")[2:]) or name  # see derive.searches
    return f"{what} {escape(name)}"


def _details(run: Run) -> list[str]:
    if run.level == "application":
        return _cluster(run)
    if run.level == "tuning":
        return [_how_found(run)]
    if run.level == "fit" and float(run.tags.get("afterglow.tuning.confidence", 1)) <= _UNSURE:
        return ["Trials ran at the same time: it is not certain that its training and its evaluation are of one trial."]
    if run.level == "trial" and run.params:
        params = ", ".join(f"{escape(k)} = {escape(v, 60)}" for k, v in sorted(run.params.items()))
        return [f"Params: {params}."]
    if run.level == "task":
        executor, host = run.tags.get("spark.executor.id"), run.tags.get("spark.host")
        return [f"Executor {escape(executor)}" + (f" on {escape(host)}." if host else ".") if executor else ""]
    return []


def _cluster(run: Run) -> list[str]:
    version, cores = run.params.get("spark.version"), run.params.get("total_cores")
    executors = run.metrics.get("executors/total", 0)
    parts = [
        f"Spark {escape(version)}," if version else "",
        f"{count(executors)} executor{'' if executors == 1 else 's'}"
        + (f" with {escape(cores)} cores" if cores else "")
        + ".",
    ]
    parts += [_started_by(*shown) for shown in describe_orchestrators(run.tags)]
    completeness = run.tags.get("afterglow.completeness")
    if completeness != "complete":
        state = escape(completeness or "unknown").replace("&#95;", " ")
        parts.append(f"The log is not complete: **{state}**; see `issues.json`.")
    return parts


def _started_by(orchestrator: str, title: str, url: str | None) -> str:
    return f"Started by {orchestrator}, {f'[{escape(title)}]({url})' if url else escape(title)}."


def _how_found(run: Run) -> str:
    estimator, evaluator = run.tags.get("afterglow.estimator"), run.tags.get("afterglow.evaluator")
    of = f"Estimator {escape(estimator)}" if estimator else ""
    of += (f", evaluator {escape(evaluator)}" if evaluator else "") + ("." if estimator else "")
    source, sure = run.tags.get("afterglow.tuning.found_by", ""), run.tags.get("afterglow.tuning.confidence")
    if sure and float(sure) < MINIMUM_CONFIDENCE:
        of = f"{_UNPAIRED} {of}".strip()
    found = _FOUND.get(source, "") + (f" Confidence {share(float(sure))}." if sure and source != "annotation" else "")
    return f"{of} {found}".strip()
