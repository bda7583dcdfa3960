"""Write texts into the event log of a Spark Connect server, as tags of the client's operations.

A client has no SparkContext. The server logs the tags of an operation when it starts
(org.apache.spark.sql.connect.service.SparkListenerConnectOperationStarted.sparkSessionTags, since Spark 3.5). Pending
events go with the next operation of the job, whatever it is. What no operation took within a moment goes with a query
that computes nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..schemas.annotations import CONNECT_QUERY, to_tag
from .never_raise import never_raise

# Spark copies the tags of an operation into the properties of all of its jobs and stages.
MAX_CARRIED = 2_000


@dataclass(frozen=True)
class ConnectLog:
    """The event log of the server of one session (pyspark.sql.connect.session.SparkSession)."""

    session: Any

    def write(self, texts: Sequence[str]) -> None:
        """Send one query with the texts as tags. It is analyzed and runs no job. Tags belong to a thread."""
        tags = [to_tag(text) for text in texts]
        for tag in tags:
            self.session.addTag(tag)
        try:
            self.session.sql(CONNECT_QUERY)
        except RuntimeError as error:
            # ThreadPoolExecutor.submit while Python exits: the client, which has its answer, cannot tell the server so.
            if "cannot schedule new futures" not in str(error):
                raise
        finally:
            for tag in tags:
                self.session.removeTag(tag)


def active_session() -> Any | None:
    """Return this thread's active Spark Connect session, else the default one, or None. Never imports pyspark."""
    kind = getattr(sys.modules.get("pyspark.sql.connect.session"), "SparkSession", None)
    if kind is None:
        return None
    for session in (kind.getActiveSession(), getattr(kind, "_default_session", None)):
        if session is not None and not session.is_stopped:
            return session
    return None


def current() -> ConnectLog | None:
    """Return the event log of the active session's server. None without a session, and before Spark 3.5."""
    session = active_session()
    return ConnectLog(session) if session is not None and hasattr(session, "addTag") else None


def wrap_request(take: Callable[[int], list[str]]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a wrapper of SparkConnectClient._execute_plan_request_with_metadata, which makes every request.

    `take(limit)` returns pending texts of at most that many characters, which the request then has as tags. The
    session's own tags do not change.
    """

    @never_raise
    def carry(request: Any) -> None:
        if hasattr(request, "tags"):
            request.tags.extend([to_tag(text) for text in take(MAX_CARRIED)])

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def make_request(self: Any, *args: Any, **kwargs: Any) -> Any:
            request = original(self, *args, **kwargs)
            carry(request)
            return request

        return make_request

    return wrap
