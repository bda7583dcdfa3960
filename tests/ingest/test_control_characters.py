"""Text of a log does nothing where it is shown: no terminal obeys it, no spreadsheet runs it."""

import json
from pathlib import Path

import pytest

from afterglow.ingest import arrow
from afterglow.ingest.control_characters import replace_controls, spreadsheet_cells
from afterglow.ingest.publish.artifacts import write_artifacts
from afterglow.ingest.publish.limits import LimitEnforcer
from afterglow.schemas.issues import ImportIssue
from afterglow.schemas.logs import EventLog, EventLogTables
from afterglow.schemas.tables import TABLES

CONTROLS = [*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "\u202e", "\u2066", "\u2028", "\u061c"]
HOSTILE = "=1+1\x1b[2J\x1b]0;PWNED\x07\x9b31m\u202e"


@pytest.mark.parametrize("character", CONTROLS, ids=lambda c: f"U+{ord(c):04X}")
def test_a_control_character_is_replaced(character: str) -> None:
    shown = replace_controls(f"a{character}b")
    assert shown == (f"a{character}b" if character in "\t\n" else "a\ufffdb")
    assert spreadsheet_cells(arrow.to_array([f"a{character}b"], "string"))[0].as_py() == (
        f"a{character}b" if character in "\t\n" else "a\ufffdb"
    )


def test_other_text_stays() -> None:
    text = "größer 中文 🔥 a\u00a0b 'x' \"y\" \\x1b"
    assert replace_controls(text) == text


@pytest.mark.parametrize(
    "cell, shown",
    [
        ("=1+1", "'=1+1"),
        ("+cmd", "'+cmd"),
        ("-2", "'-2"),
        ("@SUM(1)", "'@SUM(1)"),
        (" \n=1", "' \n=1"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\ufffd=1"),
        ("\uff1d1", "'\uff1d1"),
        ("a=1", "a=1"),
        ("count at a.py:1", "count at a.py:1"),
        ("", ""),
        (None, None),
    ],
)
def test_a_cell_is_no_formula(cell: str | None, shown: str | None) -> None:
    for number in (1, 100):  # few cells are not given to Arrow
        cells = spreadsheet_cells(arrow.to_array([cell] * number, "string"))
        assert cells.to_pylist() == [shown] * number


def test_names_params_tags_and_users_of_runs_hold_no_control_character() -> None:
    fit = LimitEnforcer()
    for shown in (fit.run_name(HOSTILE), fit.param(HOSTILE), fit.tag(HOSTILE), fit.user(HOSTILE), fit.key(HOSTILE)):
        assert replace_controls(shown) == shown
        assert "1" in shown
    assert fit.tag("two\nlines") == "two\nlines"


def test_artifacts_hold_no_control_character_and_no_formula(tmp_path: Path) -> None:
    values = {"string": HOSTILE, "list<string>": [HOSTILE], "list<int64>": [1], "bool": True}
    tables = {
        table.name: arrow.from_rows(table, [[values.get(column.type, 1) for column in table]]) for table in TABLES
    }
    properties = next(table for table in TABLES if table.name == "properties")
    tables["properties"] = arrow.from_rows(properties, [["spark", HOSTILE, HOSTILE]])
    log = EventLog("log", "single", ())
    write_artifacts(EventLogTables(log, tables), [ImportIssue("text_cut", HOSTILE)], str(tmp_path))
    written = [path for path in tmp_path.rglob("*") if path.suffix in (".csv", ".json")]
    assert len(written) == 6
    for path in written:
        text = path.read_bytes().decode()
        assert replace_controls(text) == text, path
        assert "PWNED" in text, path
        if path.suffix == ".csv":
            assert '"=' not in text
        else:
            assert "\\u001b" not in json.dumps(json.loads(text)), path
    assert HOSTILE in arrow.codes(tables["stages"], "name")[1]  # Parquet has it as it was
