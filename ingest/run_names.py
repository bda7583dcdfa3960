"""What runs are called. MLflow's table cuts names after some 20 characters, so the telling part comes first."""

import html
import json
import re
from collections.abc import Mapping, Sequence

from .streaming_jobs import streaming_job
from .task_arrays import Row

_MARKUP = re.compile(r"<[^<>]{1,200}>")
_SPACE = re.compile(r"\s+")
# org.apache.spark.util.CallSite.shortForm: `<method> at <file>:<line>`
_CALL_SITE = re.compile(r"^(.{1,120}?) at (?:.*[/\\])?([^/\\\s]{1,120}?)(?:\.(?:scala|java|py|ipynb))?:(\d+)$")
# Call sites of Spark's own threads and py4j, which do not name the action: java.util.concurrent and reflection
_SILENT = re.compile(
    r"(?:CompletableFuture|NativeMethodAccessorImpl|DirectMethodHandle\S*|ThreadPoolExecutor)\.java:\d+$"
)
# pyspark's PythonUDF.toString in an operator's arguments: `train(store#1L, price#2)#5`
_PYTHON_FUNCTION = re.compile(r"(?:^|[\s\[,])(<lambda>|[A-Za-z_]\w{0,99})\(")
_ANONYMOUS = re.compile(r"\$anonfun\$|^run$|^call$|^get$|^lambda\$")


def trial_name(trial: Row) -> str:
    """`maxDepth=7 numTrees=20` where the params are known, else `trial 3`."""
    try:
        params = json.loads(trial["params_json"] or "{}")
    except (ValueError, RecursionError):
        params = {}
    if not isinstance(params, dict) or not params:
        return f"trial {trial['trial']}"
    names = short_params([str(name) for name in params])
    return " ".join(f"{name}={_figure(value)}" for name, value in zip(names, params.values(), strict=True))


def short_params(names: Sequence[str]) -> Sequence[str]:
    """`maxDepth` for `RandomForestClassifier.maxDepth`, if no two of the names are then the same."""
    short = [name.rsplit(".", 1)[-1] for name in names]
    return short if len(set(short)) == len(short) else names


def job_name(job: Row, execution: Mapping[str, object] | None) -> str:
    """`j243 write scores.parquet`: the job's description, else its call site, else that of its SQL execution. A job of
    a streaming query has the query's name and the number of the batch."""
    batch = streaming_job(job["description"])
    if batch is not None:
        query = batch.name or f"query {batch.run_id[:8]}"
        return f"j{job['job_id']} {plain_text(query)} batch {'init' if batch.batch is None else batch.batch}"
    return _numbered(f"j{job['job_id']}", job["description"], job["name"], _description(execution))


def stage_name(stage: Row, job: Row | None, execution: Mapping[str, object] | None) -> str:
    """`s38 RandomForest:730`; `s38.1` is its second attempt."""
    attempt = f".{stage['stage_attempt']}" if stage["stage_attempt"] else ""
    own = f"s{stage['stage_id']}{attempt}"
    return _numbered(own, stage["name"], _description(execution), job["description"] if job else None)


def task_name(task: Row, selected_for: str | None) -> str:
    """`t5 straggler executor 2`; `t5.1` is its second attempt. `selected_for` is why it has a run, if it stands out."""
    again = f".{task['attempt']}" if task["attempt"] else ""
    executor = f"executor {task['executor_id']}" if task["executor_id"] not in (None, "driver") else None
    return " ".join(filter(None, (f"t{task['index']}{again}", selected_for, executor)))


def python_operator(name: str, description: str) -> str:
    """`MapInPandas train`: an operator that runs a Python function, and the function's name where the plan has it."""
    function = _PYTHON_FUNCTION.search(description.removeprefix(name))
    return f"{name} {function[1]}" if function else name


def plain_text(text: str | None) -> str:
    """Text without the markup that applications write for Spark's own pages, on one line."""
    return _SPACE.sub(" ", html.unescape(_MARKUP.sub(" ", text or ""))).strip()


def short_call_site(text: str) -> str:
    """`treeAggregate at RandomForest.scala:730` -> `treeAggregate RandomForest:730`; any other text as it is."""
    match = _CALL_SITE.match(text)
    if match is None:
        return text
    if _SILENT.search(text):
        return match[1]
    where = f"{match[2]}:{match[3]}"
    return where if _ANONYMOUS.search(match[1]) else f"{match[1]} {where}"


def says_nothing(text: str) -> bool:
    """The call site names neither an action nor a line that somebody wrote."""
    match = _CALL_SITE.match(text)
    return not text or (bool(_SILENT.search(text)) and (match is None or bool(_ANONYMOUS.search(match[1]))))


def stage_call_site(stage: Row, job: Row | None, execution: Mapping[str, object] | None) -> str:
    """The stage's call site. If it names no action, that of the SQL execution or the job; "" if none is known."""
    return _telling(stage["name"], _description(execution), job["description"] if job else None) or stage["name"] or ""


def _numbered(number: str, *texts: str | None) -> str:
    telling = _telling(*texts)
    return f"{number} {short_call_site(telling)}" if telling else number


def _telling(*texts: str | None) -> str | None:
    found = [plain_text(text) for text in texts]
    clear = [text for text in found if text and not _SILENT.search(text)]
    return next(iter([*clear, *(text for text in found if text and not says_nothing(text))]), None)


def _description(execution: Mapping[str, object] | None) -> str | None:
    text = execution.get("description") if execution else None
    return text if isinstance(text, str) else None


def _figure(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
