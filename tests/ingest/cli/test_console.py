"""What the console prints of text that comes from a log."""

import json

import pytest
from typer.testing import CliRunner

from afterglow.ingest.cli import app, console
from tests.ingest.cli.logs import write_log

HOSTILE = "\x1b[2J\x1b]0;title\x07name\x9b31m\x7f\u202edna\u2066\ud800"


def test_control_characters_become_visible_text() -> None:
    assert console.printable(HOSTILE) == (r"\x1b[2J\x1b]0;title\x07name\x9b31m\x7f\u202edna\u2066\ud800")
    assert console.printable("two\n  lines\tand a tab") == "two lines and a tab"
    assert console.printable(None) == "" and console.shortened("abcdef", 4) == "abc…"


@pytest.mark.parametrize("command", ["show", "show --json", "export", "missing"])
def test_no_control_character_of_a_log_reaches_the_terminal(command: str, tmp_path: object) -> None:
    log = write_log(tmp_path, name=HOSTILE.replace("\ud800", ""), app_id="app\x1b[31m-1")
    words = {
        "show": ["show", str(log)],
        "show --json": ["show", str(log), "--json"],
        "export": ["export", str(log), "--out", f"{tmp_path}/out"],
        "missing": ["show", f"{tmp_path}/no\x1b[31m\x9b"],
    }[command]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == (3 if command == "missing" else 0), result.output
    printed = result.stdout + result.stderr
    assert printed and not [
        c for c in printed if (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160 or c in "\u202e\u2066"
    ]
    if command == "show --json":
        assert json.loads(result.stdout)["application"]["app_id"] == "app\x1b[31m-1"


def test_one_issue_is_no_plural() -> None:
    assert [console.counted(n, "issue") for n in (0, 1, 2000)] == ["0 issues", "1 issue", "2,000 issues"]
    assert console.completeness_phrase("events_lost") == "events are missing in the log"
