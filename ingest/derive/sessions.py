"""Derive the runs of Spark Connect sessions, the level between the application and its searches, fits and jobs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ...schemas.logs import EventLogTables
from ..task_arrays import Row
from .searches import Branch


def session_branches(tables: EventLogTables, root: str) -> list[Branch]:
    """One run per session of a Spark Connect server, under the application with the key `root`."""
    return [
        Branch(
            "session",
            session_key(root, row["session_id"]),
            root,
            " ".join(filter(None, ("session", row["user"], row["session_id"][:8]))),
            "FINISHED" if row["end_time_ms"] is not None else None,
            row["start_time_ms"],
            row["end_time_ms"],
            tags={"spark.connect.session.id": row["session_id"], "spark.connect.user": row["user"] or None},
        )
        for row in tables["connect_sessions"].to_pylist()
    ]


def session_key(root: str, session: str) -> str:
    """Key of the run of a session."""
    return f"{root}/session/{session}"


def move_into_sessions(
    tables: EventLogTables, root: str, branches: Sequence[Branch], jobs: Iterable[Row], parents: dict[int, str]
) -> list[Branch]:
    """Move the branches of one session's jobs under its run. Updates `parents` (job id -> key of its parent) in
    place.

    A branch whose jobs belong to several sessions stays under the application.
    """
    operations = tables["connect_operations"].select(["operation_id", "session_id"]).to_pylist()
    session_of = {row["operation_id"]: row["session_id"] for row in operations}
    above = {branch.key: branch for branch in branches}
    sessions: dict[str, set[str | None]] = {}
    for job in jobs:
        session = session_of.get(job["connect_operation_id"])
        top = _below_root(parents[job["job_id"]], root, above)
        if top is not None:
            sessions.setdefault(top, set()).add(session)
        elif session is not None:
            parents[job["job_id"]] = session_key(root, session)
    moved = []
    for branch in branches:
        (session, *others) = sessions.get(branch.key, {None})
        under = branch.parent == root and branch.level != "session" and session is not None and not others
        moved.append(replace(branch, parent=session_key(root, session)) if under and session else branch)
    return moved


def _below_root(key: str, root: str, above: Mapping[str, Branch]) -> str | None:
    """The ancestor of `key` that is directly under the application; None if that is the job itself."""
    while key in above and above[key].parent != root:
        key = above[key].parent
    return key if key in above else None
