"""Render the report of one application as a self-contained HTML file."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from ...schemas.report import REPORT_FINDINGS, REPORT_SEARCHES, REPORT_STAGES, REPORT_TRIALS
from ...schemas.runs.tree import Run, RunTree
from ..control_characters import replace_controls
from ..run_names import short_params
from ..units import count, score, seconds, share, size, unbroken
from .embed import library, pack
from .executor_table import EXECUTOR_COLUMNS, cached_rows, executor_rows
from .payload import left_out, payload, short_name, stages_drawn
from .queries import number_of_queries, queries
from .report_data import ReportData
from .settings_table import environment, settings
from .stage_table import STAGE_COLUMNS, python_time, stage_rows

_HERE = Path(__file__).parent

_HEADLINE: Sequence[tuple[str, str, Callable[[float], str]]] = (
    ("duration", "time/duration_s", seconds),
    ("tasks", "tasks/total", count),
    ("failed tasks", "tasks/failed", count),
    ("task run time", "time/executor_run_s", seconds),
    ("CPU", "time/executor_cpu_s", seconds),
    ("garbage collection", "time/gc_s", seconds),
    ("waiting for shuffle", "shuffle/fetch_wait_s", seconds),
    ("idle cores", "executors/idle_ratio", share),
    ("input", "io/input_bytes", size),
    ("shuffle read", "shuffle/read_bytes", size),
    ("spilled to disk", "spill/disk_bytes", size),
)
_ELSEWHERE = ("critical_path", "wall_time")  # above the stages, and at the top of the page
_ALWAYS = ("time/duration_s", "tasks/total", "executors/idle_ratio")


def report(data: ReportData) -> bytes:
    """The HTML file. Equal input gives equal bytes."""
    root = data.tree.application
    drawn, shown = stages_drawn(data), payload(data)
    faults = [row for row in data.findings if row["cost_ms"] or row["severity"] != "note"]
    shown_queries = queries(data)
    text: str = _template().render(
        css=(_HERE / "report.css").read_text(encoding="utf-8"),
        script="\n".join((_HERE / name).read_text(encoding="utf-8") for name in ("units.js", "tables.js", "report.js")),
        library=library(),
        data=pack(shown),
        title=root.name,
        subtitle=_subtitle(root),
        incomplete=root.tags.get("afterglow.completeness", "").replace("_", " "),
        headline=[
            (label, form(root.metrics[name]))
            for label, name, form in _HEADLINE
            if name in root.metrics and (root.metrics[name] or name in _ALWAYS)
        ],
        findings=[_finding(row, data) for row in faults[:REPORT_FINDINGS]],
        findings_left=max(len(faults) - REPORT_FINDINGS, 0),
        wall_time=next((unbroken(row["message"]) for row in data.findings if row["code"] == "wall_time"), ""),
        reported=[_finding(row, data) for row in data.findings if row not in faults and row["code"] not in _ELSEWHERE],
        tasks=len(data.tasks),
        tasks_left=left_out(data),
        stages=len(drawn),
        stages_left=max(len(data.stages) - len(drawn), 0),
        stages_at_most=REPORT_STAGES,
        choosable=bool(shown["scatter"]),
        critical=_critical(data),
        python_time=python_time(data),
        stage_columns=STAGE_COLUMNS,
        stage_rows=stage_rows(data),
        stages_total=len(data.stages),
        queries=shown_queries,
        queries_left=max(number_of_queries(data) - len(shown_queries), 0),
        executor_columns=EXECUTOR_COLUMNS,
        executors=executor_rows(data),
        executors_total=data.app.tables["executors"].num_rows,
        cached=cached_rows(data),
        settings=settings(data),
        environment=environment(data),
        root_key=root.key,
        searches=list(islice(_searches(data.tree), REPORT_SEARCHES)),
        searches_left=max(sum(run.level == "tuning" for run in data.tree.runs) - REPORT_SEARCHES, 0),
    )
    return replace_controls(text).encode("utf-8", "replace")


@lru_cache(maxsize=1)
def _template() -> Any:
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string((_HERE / "report.html").read_text(encoding="utf-8"))


def _subtitle(root: Run) -> str:
    parts = [root.tags["spark.app.id"]]
    if root.tags.get("spark.app.attempt.id"):
        parts.append(f"attempt {root.tags['spark.app.attempt.id']}")
    if root.params.get("spark.version"):
        parts.append(f"Spark {root.params['spark.version']}")
    executors = root.metrics.get("executors/total", 0)
    cores = root.params.get("total_cores")
    parts.append(f"{count(executors)} executor{'' if executors == 1 else 's'}" + (f", {cores} cores" if cores else ""))
    if root.status != "FINISHED":
        parts.append(root.status.lower())
    return " · ".join(parts)


def _finding(row: Mapping[str, Any], data: ReportData) -> Mapping[str, Any]:
    cost = row.get("cost_ms")
    most = max((one.get("cost_ms") or 0 for one in data.findings), default=0) or 1
    return {
        "code": str(row.get("code", "")).replace("_", " "),
        "severity": row.get("severity") or "note",
        "subject": "" if row.get("level") == "application" else row.get("subject") or "",
        "cost": seconds(cost / 1e3) if cost else "",
        "width": round(100 * (cost or 0) / most, 1),
        "message": unbroken(row.get("message") or ""),
        "advice": row.get("advice") or "",
    }


def _critical(data: ReportData) -> Mapping[str, Any] | None:
    if not data.critical:
        return None
    on_path, path = [data.stages[i] for i in sorted(data.critical)], data.app.critical_path
    slowest = sorted(on_path, key=lambda run: -(run.duration_s or 0.0))[:3]
    return {
        "number": len(path.stages),
        "took": seconds(path.stages_ms / 1e3),
        "rest": seconds(path.driver_ms / 1e3),
        "slowest": [(short_name(run, 70), seconds(run.duration_s or 0.0)) for run in slowest],
    }


def _searches(tree: RunTree) -> Any:
    """Every search with its trials, ordered by metric if the log has metrics, otherwise by cost."""
    for search in (run for run in tree.runs if run.level == "tuning"):
        trials = [run for run in tree.runs if run.level == "trial" and run.parent == search.key]
        metric = search.tags.get("afterglow.tuning.metric")
        name = f"avg_{metric}" if metric else None
        names = sorted({param for run in trials for param in run.params})
        differing = [n for n in names if len({run.params.get(n) for run in trials}) > 1] or names
        scores = [run.metrics[name] for run in trials if name in run.metrics] if name else []
        costs = [_cost(run) for run in trials]
        smaller = metric in _SMALLER_BETTER
        fits: dict[str, list[Run]] = {}
        for run in tree.runs:
            if run.level == "fit" and run.parent is not None:
                fits.setdefault(run.parent, []).append(run)
        ordered = sorted(trials, key=lambda run: _rank(run, name, smaller))
        yield {
            "name": search.name,
            "key": search.key,
            "estimator": search.tags.get("afterglow.estimator"),
            "best": _best(search, trials, name),
            "folds": any(len(fits.get(run.key, ())) > 1 for run in trials),
            "metric": metric if scores else None,
            "params": list(zip(short_params(differing), differing, strict=True)),
            "fixed": [(n, trials[0].params.get(n, "")) for n in names if n not in differing],
            "cost": seconds(sum(costs)),
            "took": seconds(search.duration_s or 0.0),
            "trials": [
                _trial(run, name, differing, scores, max(costs, default=0.0), fits.get(run.key, ()))
                for run in ordered[:REPORT_TRIALS]
            ],
            "left": max(len(trials) - REPORT_TRIALS, 0),
            "order": ("smallest" if smaller else "largest") + " metric first" if scores else "most expensive first",
        }


_SMALLER_BETTER = {"rmse", "mse", "mae", "logLoss", "hammingLoss"}
"""Of pyspark.ml.evaluation: `isLargerBetter` is false for these."""


def _cost(run: Run) -> float:
    return run.metrics.get("time/fit_s", run.duration_s or 0.0)


def _rank(run: Run, name: str | None, smaller: bool) -> tuple[bool, float, str]:
    average = run.metrics.get(name) if name else None
    if average is None:
        return True, -_cost(run), run.key
    return False, average if smaller else -average, run.key


def _best(search: Run, trials: Sequence[Run], metric: str | None) -> Mapping[str, str] | None:
    """The best trial of a search, where the log says which one that is."""
    number = search.tags.get("afterglow.tuning.best_trial")
    run = next((run for run in trials if number is not None and run.tags.get("afterglow.trial") == number), None)
    if run is None:
        return None
    return {
        "name": run.name,
        "key": run.key,
        "number": str(number),
        "score": _score(run, metric),
        "metric": (metric or "").removeprefix("avg_"),
        "cost": seconds(_cost(run)),
    }


def _score(run: Run, metric: str | None) -> str:
    if metric is None or metric not in run.metrics:
        return ""
    deviation = run.metrics.get(f"std_{metric.removeprefix('avg_')}")
    return score(run.metrics[metric], deviation)


def _trial(
    run: Run,
    name: str | None,
    params: Sequence[str],
    scores: Sequence[float],
    highest_cost: float,
    fits: Sequence[Run],
) -> Mapping[str, Any]:
    average = run.metrics.get(name) if name else None
    low, high = min(scores, default=0.0), max(scores, default=0.0)
    at = 100.0 if average is None or high <= low else round(100 * (average - low) / (high - low), 1)
    return {
        "name": run.name,
        "key": run.key,
        "params": [run.params.get(param, "") for param in params],
        "score": None if average is None else _score(run, name),
        "slowest": unbroken(
            max(((_cost(fit), f"{fit.name} {seconds(_cost(fit))}") for fit in fits), default=(0, ""))[1]
        ),
        "score_at": at,
        "cost": seconds(_cost(run)),
        "width": round(100 * _cost(run) / highest_cost, 1) if highest_cost else 0.0,
        "failed": run.status == "FAILED",
    }
