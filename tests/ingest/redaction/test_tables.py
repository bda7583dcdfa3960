"""Every text column of every table is redacted unless it is declared constant; what has no secret is left alone."""

import json

import pyarrow as pa
import pytest

from afterglow.ingest import arrow
from afterglow.ingest.redaction.tables import redact_json, redact_tables
from afterglow.schemas.columns import Column, Table
from afterglow.schemas.spark import REDACTED
from afterglow.schemas.tables import TABLES

TEXT = [(table, column) for table in TABLES for column in table if "string" in column.type]
SECRET = "password=PLANTED123zQ7"


def filled(table: Table, column: str, *values: object) -> pa.Table:
    rows = [[value if c.name == column else None for c in table] for value in values]
    return arrow.from_rows(table, rows)


@pytest.mark.parametrize("table, column", TEXT, ids=[f"{table.name}.{column.name}" for table, column in TEXT])
def test_every_text_column_is_redacted_unless_it_is_constant(table: Table, column: Column) -> None:
    value = [SECRET, "a"] if column.type.startswith("list") else SECRET
    other = ["b"] if column.type.startswith("list") else "b"
    given = {table.name: filled(table, column.name, value, None, other)}
    shown = redact_tables(given)[table.name]
    assert shown.schema == given[table.name].schema
    assert shown.num_rows == 3
    if column.text == "constant":
        assert shown is given[table.name]
        return
    first, second, third = shown[column.name].to_pylist()
    assert "PLANTED" not in str(first)
    assert (second, third) == (None, other)


def test_a_text_column_is_searched_by_default() -> None:
    assert Column("x", "string", "", "derived: x").text == "free"


def test_constant_columns_are_derived() -> None:
    """What is read from a log is not constant, whatever Spark writes there; a status is set from it."""
    assert {c.name for _, c in TEXT if c.text == "constant" and c.path} <= {"status"}


def test_tables_without_secrets_are_the_same_objects() -> None:
    given = {table.name: arrow.empty(table) for table in TABLES}
    assert all(redact_tables(given)[name] is table for name, table in given.items())
    stages = next(table for table in TABLES if table.name == "stages")
    given["stages"] = filled(stages, "name", "count at a.py:1")
    assert redact_tables(given)["stages"] is given["stages"]


def test_values_in_several_chunks() -> None:
    stages = next(table for table in TABLES if table.name == "stages")
    table = pa.concat_tables([filled(stages, "name", "a"), filled(stages, "name", SECRET)])
    assert redact_tables({"stages": table})["stages"]["name"].to_pylist() == ["a", f"password={REDACTED}"]


def test_params_are_redacted_by_name() -> None:
    annotations = next(table for table in TABLES if table.name == "annotations")
    at = annotations.names.index("name"), annotations.names.index("text")
    rows = []
    for name, text in (("api_token", "x1"), ("Tokenizer_1.inputCol", "text"), ("num_tokens", "5"), ("x", SECRET)):
        row: list[object] = [None] * len(annotations.columns)
        row[at[0]], row[at[1]] = name, text
        rows.append(row)
    shown = redact_tables({"annotations": arrow.from_rows(annotations, rows)})["annotations"]["text"].to_pylist()
    assert shown == [REDACTED, "text", "5", f"password={REDACTED}"]


def test_json_stays_json() -> None:
    given = {"lr.regParam": 0.1, "db.password": "x1", "n": {"api_key": ["a1", "b1"]}, "token": 5, "url": "a://u:p1@h"}
    shown = json.loads(redact_json(json.dumps(given)))
    assert shown == {
        "lr.regParam": 0.1,
        "db.password": REDACTED,
        "n": {"api_key": [REDACTED, REDACTED]},
        "token": 5,
        "url": f"a://{REDACTED}@h",
    }
    assert redact_json('{"a":1}') == '{"a":1}'  # as it was, blanks and all
    assert redact_json("no json: password=x") == f"no json: password={REDACTED}"
    assert "PLANTED" not in redact_json("[" * 100_000 + SECRET)
