"""Lines that are no strict JSON events: what can be read of them is read, what cannot is said."""

import json
from typing import Any

import pytest

from afterglow.ingest.decode import Decoded, Lines, decode_lines
from afterglow.schemas import spark
from afterglow.schemas.issues import ImportIssue

TASK_END = {
    "Event": spark.TASK_END,
    "Stage ID": 3,
    "Stage Attempt ID": 0,
    "Task Type": "ResultTask",
    "Task End Reason": {"Reason": "Success"},
    "Task Info": {
        "Task ID": 7,
        "Index": 1,
        "Attempt": 0,
        "Launch Time": 10,
        "Executor ID": "1",
        "Host": "h",
        "Locality": "ANY",
        "Speculative": False,
        "Getting Result Time": 0,
        "Finish Time": 30,
        "Failed": False,
        "Killed": False,
        "Accumulables": [
            {
                "ID": 1,
                "Name": "internal.metrics.resultSize",
                "Update": 5,
                "Value": 9,
                "Internal": True,
                "Count Failed Values": True,
            }
        ],
    },
    "Task Metrics": {"Executor Run Time": 12, "JVM GC Time": 2},
}


def line(event: dict[str, Any]) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()


def decoded(*lines: bytes, open_end: bool = False) -> tuple[Decoded, list[ImportIssue]]:
    into, issues = Decoded(scanner=None), list[ImportIssue]()
    decode_lines(Lines(b"\n".join(lines), 0, 1, open_end), into, issues.append)
    return into, issues


def test_a_task_end_is_read_without_its_accumulables() -> None:
    into, issues = decoded(line(TASK_END))
    (event,) = into.events[spark.TASK_END]
    assert (event.task_info.task_id, event.task_metrics.executor_run_time, issues) == (7, 12, [])
    assert event.task_info.accumulables == []


def test_user_accumulators_are_read_and_spark_s_own_are_told_apart() -> None:
    named = json.loads(line(TASK_END))
    named["Task Info"]["Accumulables"].append(
        {"ID": 9, "Name": "rows", "Update": "41", "Value": "99", "Internal": False, "Count Failed Values": True}
    )
    (event,) = decoded(line(named))[0].events[spark.TASK_END]
    assert [(a.name, a.update, a.internal) for a in event.task_info.accumulables][1] == ("rows", "41", False)


@pytest.mark.parametrize(
    "old, new, code",
    [
        (b'"Executor Run Time":12', b'"Executor Run Time":NaN', "field_unusable"),
        (b'"Executor Run Time":12', b'"x":Infinity,"Executor Run Time":12', "line_repaired"),
        (b'"Executor Run Time":12', b'"Executor Run Time":{"a":1}', "field_unusable"),
        (b'"Executor Run Time":12', b'"Executor Run Time":"12"', "line_repaired"),
        (b'"Host":"h"', b'"Host":"\xff\xfe"', "line_repaired"),
        (b'"Host":"h"', b'"Host":"a\x00b"', "line_repaired"),
        (b'"Task Metrics":{"Executor Run Time":12,"JVM GC Time":2}', b'"Task Metrics":null', "field_unusable"),
    ],
)
def test_what_is_wrong_in_one_field_costs_that_field(old: bytes, new: bytes, code: str) -> None:
    broken = line(TASK_END).replace(old, new)
    assert broken != line(TASK_END)
    into, issues = decoded(broken)
    (event,) = into.events[spark.TASK_END]
    assert event.task_info.task_id == 7 and event.stage_id == 3
    assert [issue.code for issue in issues] == [code]


@pytest.mark.parametrize(
    "text",
    [
        b"not json",
        b"{",
        b"[1,2]",
        b'{"Event":1}',
        b"\xff\xfe\x00\x00",
        b'{"Event":"SparkListenerTaskEnd","Stage ID":',
        b"{" * 100_000,
    ],
)
def test_a_line_that_is_no_event_is_reported_with_its_place(text: bytes) -> None:
    into, issues = decoded(line(TASK_END), text, line(TASK_END))
    assert len(into.events[spark.TASK_END]) == 2
    assert [(issue.code, issue.line, issue.offset) for issue in issues] == [("line_broken", 2, len(line(TASK_END)) + 1)]


def test_blank_lines_and_unknown_events_are_passed_over() -> None:
    into, issues = decoded(b"", b" \r", b'{"Event":"SparkListenerOfTheFuture","x":{"y":[1]}}', line(TASK_END) + b"\r")
    assert (into.count, issues) == (1, [])


def test_a_torn_line_does_not_lend_its_neighbour_its_identity() -> None:
    other = json.loads(line(TASK_END))
    other["Task Info"]["Task ID"] = 8
    whole = line(TASK_END)
    torn = whole[: whole.index(b'"Update"')] + line(other)
    into, issues = decoded(torn)
    assert [event.task_info.task_id for event in into.events[spark.TASK_END]] == [8]
    assert [issue.code for issue in issues] == ["line_broken", "line_repaired"]


def test_two_events_on_one_line_are_both_read() -> None:
    into, _ = decoded(line(TASK_END) + line(TASK_END))
    assert len(into.events[spark.TASK_END]) == 2


def test_a_cut_last_line_is_called_cut() -> None:
    _, issues = decoded(line(TASK_END), line(TASK_END)[:50], open_end=True)
    assert [issue.code for issue in issues] == ["line_cut"]


def test_other_spacing_is_as_good() -> None:
    into, issues = decoded(json.dumps(TASK_END).encode())
    assert (into.count, issues) == (1, [])
