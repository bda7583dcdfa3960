"""A file with the logs of two applications: the first one is read unmixed, the second one is named."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from afterglow.ingest import log_parts, read
from afterglow.ingest.cli import app
from tests.property.event_strategies import small_lines


def log(app_id: str = "app-small", start: int = 0) -> bytes:
    text = b"".join(line + b"\n" for line in small_lines())
    return text.replace(b"app-small", app_id.encode()).replace(
        b'"Timestamp":1750000000000', b'"Timestamp":%d' % (1750000000000 + start)
    )


@pytest.mark.parametrize("lines", [5, 16_000])
@pytest.mark.parametrize("second", [log("app-other"), log(start=7)])
def test_the_second_application_is_not_mixed_in(
    second: bytes, lines: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_parts, "_LINES_PER_BATCH", lines)
    (tmp_path / "one").write_bytes(log())
    (tmp_path / "two").write_bytes(log() + second)
    one, two = read(str(tmp_path / "one")), read(str(tmp_path / "two"))
    for name in set(one.tables) - {"applications", "issues"}:
        assert two[name].equals(one[name]), name
    (issue,) = two.issues.to_pylist()
    assert (issue["code"], issue["severity"]) == ("application_not_read", "error")
    assert (issue["line"], issue["offset"]) == (len(small_lines()) + 1, len(log()))
    name = "app-other" if b"app-other" in second else "app-small"
    assert f"{name}, from line {len(small_lines()) + 1} on" in issue["message"]
    assert f"tail -c +{len(log()) + 1}" in issue["message"]
    assert two.application["completeness"] == "application_not_read" and not two.application["log_complete"]


def test_nor_if_spark_wrote_no_log_start(tmp_path: Path) -> None:
    """Spark before 1.3. The events before an ApplicationStart cannot be told from those of the application before."""
    first, second = (b"".join(text.splitlines(keepends=True)[1:]) for text in (log(), log("app-other")))
    assert b"SparkListenerLogStart" not in first
    (tmp_path / "one").write_bytes(first)
    (tmp_path / "two").write_bytes(first + second)
    one, two = read(str(tmp_path / "one")), read(str(tmp_path / "two"))
    for name in ("jobs", "stages", "tasks", "sql_executions"):
        assert two[name].equals(one[name]), name
    (issue,) = [issue for issue in two.issues.to_pylist() if issue["code"] == "application_not_read"]
    start = 1 + next(at for at, line in enumerate(second.splitlines()) if b"ApplicationStart" in line)
    assert issue["line"] == first.count(b"\n") + start and "app-other" in issue["message"]


def test_nor_if_the_first_one_lost_its_start(tmp_path: Path) -> None:
    first = b"".join(line for line in log().splitlines(keepends=True) if b"ApplicationStart" not in line)
    (tmp_path / "one").write_bytes(first)
    (tmp_path / "two").write_bytes(first + log("app-other"))
    one, two = read(str(tmp_path / "one")), read(str(tmp_path / "two"))
    assert two.application["app_id"] != "app-other" and two["tasks"].equals(one["tasks"])
    assert [(issue["code"], issue["line"]) for issue in two.issues.to_pylist()][:1] == [
        ("application_not_read", first.count(b"\n") + 1)
    ]


def test_an_export_says_that_there_is_an_issue(tmp_path: Path) -> None:
    (tmp_path / "two").write_bytes(log() + log("app-other"))
    command = ["export", str(tmp_path / "two"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, command)
    assert result.output.rstrip().endswith("tasks, 1 issue, another application in the log was not read")
    assert (result.exit_code, CliRunner().invoke(app, [*command, "--strict"]).exit_code) == (0, 1)


def test_every_other_application_is_named(tmp_path: Path) -> None:
    (tmp_path / "three").write_bytes(log() + log("app-b") + log("app-c"))
    issues = read(str(tmp_path / "three")).issues.to_pylist()
    assert [issue["offset"] for issue in issues] == [len(log()), len(log()) + len(log("app-b"))]


def test_the_same_log_twice_is_one_application_with_duplicates(tmp_path: Path) -> None:
    (tmp_path / "twice").write_bytes(log() + log())
    codes = set(read(str(tmp_path / "twice")).issues["code"].to_pylist())
    assert "application_not_read" not in codes and "event_duplicate" in codes


def test_small_batches_give_the_same_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the text of a batch comes near the 2 GiB that Arrow can address."""
    (tmp_path / "log").write_bytes(log())
    whole = read(str(tmp_path / "log"))
    monkeypatch.setattr(log_parts, "BATCH_MEMORY_BYTES", 1)
    closed: list[int] = []
    close = log_parts._Batches.close
    monkeypatch.setattr(log_parts._Batches, "close", lambda self: (closed.append(1), close(self))[1])
    small = read(str(tmp_path / "log"))
    assert len(closed) == 2  # each block of lines is a batch; this log is one block
    for name in whole.tables:
        assert small[name].equals(whole[name]), name


def test_stray_events_before_a_log_are_no_application(tmp_path: Path) -> None:
    """Copies of events at the begin of a file, among them an ApplicationEnd."""
    lines = log().splitlines(keepends=True)
    stray = b"".join(line for line in lines if b"JobStart" in line or b"ApplicationEnd" in line or b"LogStart" in line)
    (tmp_path / "one").write_bytes(log())
    (tmp_path / "two").write_bytes(stray + log())
    one, two = read(str(tmp_path / "one")), read(str(tmp_path / "two"))
    for name in ("jobs", "stages", "tasks", "sql_executions"):
        assert two[name].equals(one[name]), name
    assert two.application["app_id"] == "app-small"
    (issue,) = two.issues.to_pylist()
    assert (issue["code"], issue["line"]) == ("application_not_read", 1)
    assert f"up to line {stray.count(chr(10).encode())};" in issue["message"]


def test_stray_events_with_the_properties_of_the_application_are_its_own(tmp_path: Path) -> None:
    lines = log().splitlines(keepends=True)
    stray = b"".join(line for line in lines if b"Environment" in line or b"ApplicationEnd" in line)
    (tmp_path / "log").write_bytes(stray + log())
    tables = read(str(tmp_path / "log"))
    assert tables.application["app_id"] == "app-small" and tables["jobs"].num_rows == 3
    assert "application_not_read" not in tables.issues["code"].to_pylist()
