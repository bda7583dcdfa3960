"""An event log with a secret in every text field that the reader declares, in every form that the rules know; and a
search of everything that was written.

`python -m tests.ingest.redaction.planted OUT` writes the log and its secrets; with `--search FOLDER` it searches.
"""

import base64
import gzip
import json
import re
import sqlite3
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from afterglow.schemas import annotations, spark
from afterglow.schemas.events import EVENT_TABLES
from afterglow.schemas.redaction import RULES

START_MS = 1_700_000_000_000
FORMS = [(rule.name, example) for rule in RULES for example in rule.examples]

_MARKED = re.compile(r"SEC\d{5}zQ7")


# Events that stand at their own places of the log; all others end a round.
_PLACED = (
    spark.LOG_START,
    spark.DATABRICKS_METADATA,
    spark.APPLICATION_START,
    spark.APPLICATION_END,
    spark.EXECUTOR_ADDED,
    spark.BLOCK_MANAGER_ADDED,
    spark.SQL_START,
    spark.JOB_START,
    spark.STAGE_SUBMITTED,
    spark.TASK_START,
    spark.TASK_END,
    spark.STAGE_COMPLETED,
    spark.STAGE_EXECUTOR_METRICS,
    spark.JOB_END,
    spark.SQL_END,
    spark.EXECUTOR_REMOVED,
)


class Planted:
    """Makes texts with secrets, each with a number of its own, and remembers them."""

    def __init__(self) -> None:
        self.secrets: dict[str, tuple[str, str]] = {}
        self.fields: set[str] = set()

    def text(self, field: str, form: int) -> str:
        """The text of this form for this field."""
        self.fields.add(field)
        name, example = FORMS[form % len(FORMS)]
        secret = f"SEC{len(self.secrets):05d}zQ7"
        if "{}" not in example:  # the whole is the secret
            secret = _numbered(example, len(self.secrets))
            self.secrets[secret] = field, name
            return f"x {secret} y"
        self.secrets[secret] = field, name
        return f"x {example.format(secret)} y"

    def all(self, field: str) -> str:
        """All forms at once; one that is not closed hides what follows, so that it comes last."""
        texts = [self.text(field, form) for form in range(len(FORMS))]
        return "\n".join(sorted(texts, key=lambda text: "BEGIN PRIVATE" in text))


def _numbered(token: str, number: int) -> str:
    """A token of its own: the last characters of its longest run of one character are the number."""
    match = max(re.finditer(r"(q+|Q+|0+)", token), key=lambda m: len(m[0]))
    digits = f"{number:06d}"
    return token[: match.end() - len(digits)] + digits + token[match.end() :]


def declared_fields() -> set[str]:
    """Every text field that the reader knows, as `event: column`."""
    return {
        f"{t.event.rsplit('.', 1)[-1]}: {column.name}"
        for t in EVENT_TABLES
        for column in t.table
        if "str" in column.type
    }


def write_log(path: Path) -> dict[str, tuple[str, str]]:
    """Writes the log; secret -> (field, form)."""
    planted = Planted()
    lines = list(_lines(planted))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    missing = declared_fields() - planted.fields - {"SparkListenerEnvironmentUpdate: section"}
    missing -= {"SparkListenerResourceProfileAdded: scope", "SparkListenerSQLExecutionStart: node"}
    missing -= {"SparkListenerJobStart: storage_level"}  # one of three texts of Afterglow's own
    assert not missing, f"no secret is planted in {sorted(missing)}; add it to tests/ingest/redaction/planted.py"
    return planted.secrets


def _lines(planted: Planted) -> Iterator[str]:
    for event in (spark.LOG_START, spark.APPLICATION_START):
        yield json.dumps(_event(event, planted, 0, whole=True))
    spark_properties = {"spark.redaction.regex": "nothing", "spark.app.name": planted.all("Environment: value")}
    for form in range(len(FORMS)):
        spark_properties[f"spark.x{form}"] = planted.text("SparkListenerEnvironmentUpdate: value", form)
        spark_properties[planted.text("SparkListenerEnvironmentUpdate: key", form)] = "1"
    for key in ("spark.a.password", "spark.b.passphrase", "spark.hadoop.fs.azure.account.key.c", "spark.token"):
        spark_properties[key] = secret = f"SEC{len(planted.secrets):05d}zQ7"
        planted.secrets[secret] = "SparkListenerEnvironmentUpdate: value", "by its key"
    jvm = {"Java Version": planted.text("SparkListenerEnvironmentUpdate: value", 0)}
    yield json.dumps({"Event": spark.ENVIRONMENT_UPDATE, "Spark Properties": spark_properties, "JVM Information": jvm})
    for form in range(len(FORMS)):
        yield from map(json.dumps, _round(planted, form))
        yield "export " + planted.text("a line that is no event", form).replace("\n", " ")
    yield json.dumps(_event(spark.DATABRICKS_METADATA, planted, 0, whole=True))
    yield json.dumps(_event(spark.APPLICATION_END, planted, len(FORMS) + 1))


def _round(planted: Planted, form: int) -> Iterator[Mapping[str, Any]]:
    """One executor, SQL execution, job, stage and task, each text of them in this form."""

    def text(event: str, column: str) -> str:
        return planted.text(f"{event.rsplit('.', 1)[-1]}: {column}", form)

    resources = {"Executor Resource Requests": {text(spark.RESOURCE_PROFILE_ADDED, "resource"): {"Amount": 1}}}
    yield {"Event": spark.RESOURCE_PROFILE_ADDED, "Resource Profile Id": form, **resources}
    yield _event(spark.EXECUTOR_ADDED, planted, form)
    yield _event(spark.BLOCK_MANAGER_ADDED, planted, form)
    scan = {
        "nodeName": "Scan x " + text(spark.SQL_START, "table_name"),
        "simpleString": "x",
        "children": [],
        "metadata": {
            "Format": text(spark.SQL_START, "format"),
            "Location": text(spark.SQL_START, "location"),
        },
        "metrics": [],
    }
    python = {
        "nodeName": "ArrowEvalPython",
        "simpleString": "ArrowEvalPython " + text(spark.SQL_START, "text"),
        "children": [scan],
        "metadata": {},
        "metrics": [],
    }
    plan = {
        "nodeName": "Filter",
        "simpleString": f"Filter (CrossValidator_1_rand#1 < {text(spark.SQL_START, 'filter')})",
        "children": [python],
        "metadata": {},
        "metrics": [],
    }
    yield {**_event(spark.SQL_START, planted, form), "sparkPlanInfo": plan}
    name = text(spark.JOB_START, "name")
    stage = {
        "Stage ID": form,
        "Stage Attempt ID": 0,
        "Stage Name": name,
        "Number of Tasks": 1,
        "RDD Info": [
            {
                "RDD ID": form,
                "Name": text(spark.JOB_START, "name"),
                "Callsite": text(spark.JOB_START, "callsite"),
                "Scope": json.dumps({"id": str(form), "name": text(spark.JOB_START, "scope")}),
                "Parent IDs": [],
                "Storage Level": {},
            }
        ],
        "Details": "org.apache.spark.ml.X " + text(spark.JOB_START, "ml_stack"),
    }
    said = {
        "event": "log",
        "time_ms": START_MS + form * 1000,
        "params": {"a": text(spark.JOB_START, "value"), "api_key": "x"},
    }
    properties = {
        spark.JOB_DESCRIPTION: text(spark.JOB_START, "value"),
        spark.JOB_GROUP: text(spark.JOB_START, "value"),
        spark.JOB_TAGS: text(spark.JOB_START, "value"),
        spark.SQL_EXECUTION_ID: str(form),
        annotations.RUN: text(spark.JOB_START, "value"),
        "afterglow." + text(spark.JOB_START, "key"): "1",
    }
    yield {**_event(spark.JOB_START, planted, form), "Stage Infos": [stage], "Properties": properties}
    yield {
        **_event(spark.JOB_START, planted, form + 10_000),
        "Stage IDs": [],
        "Properties": {annotations.EVENT: json.dumps(said)},
    }
    yield _event(spark.STAGE_SUBMITTED, planted, form)
    yield _event(spark.TASK_START, planted, form)
    ended = _event(spark.TASK_END, planted, form)
    accumulable = {"ID": form, "Name": text(spark.TASK_END, "name"), "Update": "1", "Value": "1", "Internal": False}
    ended["Task Info"]["Accumulables"] = [accumulable]
    yield ended
    # the reasons that the reader knows take their words from different fields
    for at, reason in enumerate((spark.EXCEPTION_FAILURE, spark.EXECUTOR_LOST, spark.TASK_KILLED, spark.FETCH_FAILED)):
        failed = _event(spark.TASK_END, planted, form)
        failed["Task Info"]["Task ID"] = 1000 + form * 10 + at
        failed["Task End Reason"]["Reason"] = reason
        yield failed
    yield {**_event(spark.STAGE_COMPLETED, planted, form)}
    yield _event(spark.STAGE_EXECUTOR_METRICS, planted, form)
    yield _event(spark.JOB_END, planted, form)
    yield _event(spark.SQL_END, planted, form)
    yield _event(spark.EXECUTOR_REMOVED, planted, form)
    for event in dict.fromkeys(t.event for t in EVENT_TABLES if not t.nested):
        if event not in _PLACED:
            yield _event(event, planted, form)


def _event(event: str, planted: Planted, number: int, whole: bool = False) -> dict[str, Any]:
    """An event with every declared field that has a path: ids are `number`, times follow it, texts are planted."""
    made: dict[str, Any] = {"Event": event}
    for declared in EVENT_TABLES:
        if declared.event != event:
            continue
        for column in declared.table:
            if not column.path or (declared.nested and len(column.path) > 1):
                continue
            part = made
            for key in column.path[:-1]:
                part = part.setdefault(key, {})
            part.setdefault(column.path[-1], _value(event, column, planted, number, whole))
    return made


def _value(event: str, column: Any, planted: Planted, number: int, whole: bool) -> Any:
    field = f"{event.rsplit('.', 1)[-1]}: {column.name}"
    if column.type == "list<string>":
        return [planted.text(field, number)]
    if column.type == "string":
        # an id is the name of a folder, and so not as long as all forms together
        return planted.all(field) if whole and not column.name.startswith("app_") else planted.text(field, number)
    if column.type == "bool":
        return False
    if column.type.startswith("list"):
        return [number] if column.name == "stage_ids" else []
    if column.name.endswith("time_ms"):
        late = "finish" in column.name or "completion" in column.name or "remove" in column.name or "end" in column.name
        return START_MS + number * 1000 + (900 if late else 0)
    if column.name.endswith("attempt") or column.name == "index":
        return 0
    return number if column.name.endswith("_id") else 1


def find(secrets: Iterable[str], folder: Path) -> dict[str, set[str]]:
    """Secret -> the files below the folder that hold it, looked at inside of Parquet, SQLite, gzip and the report."""
    wanted = set(secrets)
    tokens: dict[str, list[str]] = {}  # by their first letters, so that most texts are searched for few
    for secret in wanted:
        if not _MARKED.fullmatch(secret):
            tokens.setdefault(secret[:4], []).append(secret)
    found: dict[str, set[str]] = {}
    for path in sorted(folder.rglob("*")):
        for text in texts_of(path) if path.is_file() else ():
            seen = [secret for secret in _MARKED.findall(text) if secret in wanted]
            seen += [token for begin, some in tokens.items() if begin in text for token in some if token in text]
            for secret in seen:
                found.setdefault(secret, set()).add(str(path.relative_to(folder)))
    return found


def texts_of(path: Path) -> Iterator[str]:
    """Everything in a file that can be read, and its own name."""
    yield str(path)
    data = path.read_bytes()
    yield data.decode("utf-8", "replace")
    if data[:2] == b"\x1f\x8b":
        yield gzip.decompress(data).decode("utf-8", "replace")
    if path.suffix == ".parquet":
        for column in pq.read_table(path).columns:
            yield from (str(value) for value in column.to_pylist() if value is not None)
    elif data.startswith(b"SQLite format 3"):
        with sqlite3.connect(path) as database:
            tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (table,) in tables:
                for row in database.execute(f'SELECT * FROM "{table}"'):
                    yield from (_text(value) for value in row if isinstance(value, str | bytes))
    for packed in re.findall(rb"[A-Za-z0-9+/]{16,}={0,2}", data):
        try:
            yield zlib.decompress(base64.b64decode(packed)).decode("utf-8", "replace")
        except (ValueError, zlib.error):
            continue


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


if __name__ == "__main__":
    if sys.argv[1] == "--search":
        planted_secrets = json.loads(Path(sys.argv[2]).read_text())
        leaked = find(planted_secrets, Path(sys.argv[3]))
        for token, places in sorted(leaked.items()):
            print(planted_secrets[token], sorted(places)[:3])
        print(f"{len(leaked)} of {len(planted_secrets)} secrets found")
    else:
        target = Path(sys.argv[1])
        (target / "secrets.json").write_text(json.dumps(write_log(target / "planted")))
