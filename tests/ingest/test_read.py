"""The tables that `read` returns, as a person meets them in a notebook."""

import copy
import pickle
from pathlib import Path

import pytest

from afterglow.ingest import InputError, import_logs, read
from tests.ingest.cli.logs import write_log


def test_tables_are_short_in_a_notebook(tmp_path: Path) -> None:
    tables = read(str(write_log(tmp_path, name="<b>job</b>")))
    assert repr(tables).startswith("<EventLogTables of app-1 ('<b>job</b>', log complete): ")
    assert len(repr(tables)) < 200
    assert {"tasks", "stages", "application"} <= set(dir(tables))
    page = tables._repr_html_()
    assert "<td>tasks</td><td style='text-align:right'>2</td>" in page and "<b>" not in page and "&lt;b&gt;job" in page


def test_an_unknown_table_is_an_attribute_error(tmp_path: Path) -> None:
    tables = read(str(write_log(tmp_path)))
    with pytest.raises(AttributeError, match="no table 'task'; tables: "):
        _ = tables.task
    assert copy.copy(tables).tasks.num_rows == pickle.loads(pickle.dumps(tables)).tasks.num_rows == 2


def test_options_of_the_command_line_are_options_here(tmp_path: Path) -> None:
    log = write_log(tmp_path / "logs")
    assert read(str(log), max_line_bytes=1024, workers=2).tasks.num_rows == 2
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no event log found"):
        read(str(tmp_path / "empty"), max_ratio=5)
    with pytest.raises(ValueError, match="nothing would be written"):
        import_logs([str(tmp_path)], runs=False)
    with pytest.raises(ValueError, match="unknown threshold"):
        read(str(log), {"skew.speed": 1})
