"""Sessions of a Spark Connect server as a level of the run tree."""

from afterglow.ingest import arrow
from afterglow.ingest.derive.searches import Branch
from afterglow.ingest.derive.sessions import move_into_sessions, session_branches, session_key
from afterglow.schemas.logs import EventLog, EventLogTables
from afterglow.schemas.tables import CONNECT_OPERATIONS, CONNECT_SESSIONS, TABLES


def tables() -> EventLogTables:
    sessions = [
        {"session_id": "aaaa1111", "user": "ann", "start_time_ms": 5},
        {"session_id": "bbbb2222", "start_time_ms": 6, "end_time_ms": 9},
    ]
    operations = [
        {"operation_id": f"o{n}", "session_id": session} for n, session in enumerate(("aaaa1111", "bbbb2222"))
    ]
    found = {table.name: arrow.empty(table) for table in TABLES}
    found["connect_sessions"] = arrow.from_rows(
        CONNECT_SESSIONS, ([row.get(c.name) for c in CONNECT_SESSIONS] for row in sessions)
    )
    found["connect_operations"] = arrow.from_rows(
        CONNECT_OPERATIONS, ([row.get(c.name) for c in CONNECT_OPERATIONS] for row in operations)
    )
    return EventLogTables(EventLog("x", "single", ()), found)


def test_a_session_has_its_user_and_no_end_while_it_is_open() -> None:
    first, second = session_branches(tables(), "app/1")
    assert (first.name, first.status, second.status) == ("session ann aaaa1111", None, "FINISHED")


def test_what_one_session_asked_for_is_under_its_run_and_what_several_did_is_not() -> None:
    branches = [
        Branch("tuning", "search", "app/1", "", None, None, None),
        Branch("fit", "fit", "search", "", None, None, None),
        Branch("run", "both", "app/1", "", None, None, None),
    ]
    place = {0: ("fit", "o0"), 1: ("both", "o0"), 2: ("both", "o1"), 3: ("app/1", "o1"), 4: ("app/1", None)}
    jobs = [{"job_id": n, "connect_operation_id": operation} for n, (_, operation) in place.items()]
    parents = {n: key for n, (key, _) in place.items()}
    moved = move_into_sessions(tables(), "app/1", branches, jobs, parents)
    assert [branch.parent for branch in moved] == [session_key("app/1", "aaaa1111"), "search", "app/1"]
    assert parents == {0: "fit", 1: "both", 2: "both", 3: session_key("app/1", "bbbb2222"), 4: "app/1"}
