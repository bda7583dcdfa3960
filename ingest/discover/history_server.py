"""Logs from a running History Server, over its REST interface.

Source: org.apache.spark.status.api.v1.ApiRootResource, ApplicationListResource, EventLogDownloadResource: the list of
applications is JSON, and `/applications/<id>[/<attempt>]/logs` answers a zip of the log's files.
"""

import json
import os
import re
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from ...schemas.logs import EventLog, LogFile, without_password
from ..errors import InputError
from . import layout, places

_TIMEOUT_S = 60
_APPLICATION = re.compile(r"/(?:history|applications)/([^/?#]+)(?:/(\d+))?")


def applications(address: str) -> Iterator[EventLog]:
    """One log per application attempt that the server at this address lists, or the one that the address names.

    Nothing is downloaded before the log is read (see `fetched`). An attempt that still runs is `in_progress`.

    Raises:
        InputError: no History Server answers there.
    """
    base = re.split(r"/(?:history|api|home|jobs)(?:/|$)", address.split("?")[0].split("#")[0].rstrip("/"))[0]
    named = _APPLICATION.search(address)
    listed = _json(f"{base}/api/v1/applications")
    found = False
    for application in listed:
        for attempt in application.get("attempts", []):
            attempt_id = attempt.get("attemptId")
            if named and (named[1] != application["id"] or (named[2] and named[2] != attempt_id)):
                continue
            found = True
            path = quote(application["id"]) + (f"/{quote(attempt_id)}" if attempt_id else "")
            file = LogFile(f"{base}/api/v1/applications/{path}/logs", 0, attempt.get("lastUpdatedEpoch"))
            yield EventLog(file.name, "single", (file,), in_progress=not attempt.get("completed", True))
    if named and not found:
        shown, all_of_it = without_password(address), without_password(f"{base}/api/v1/applications")
        raise InputError(f"{shown}: the History Server has no application {named[1]}; see {all_of_it}")


@contextmanager
def fetched(log: EventLog) -> Iterator[EventLog]:
    """A log whose files can be opened: one that lies on a History Server is downloaded for as long as this lasts.

    Raises:
        InputError: it cannot be downloaded, or the answer is no log.
    """
    if not log.files or not log.files[0].uri.startswith(("http://", "https://")):
        yield log
        return
    with tempfile.TemporaryDirectory(prefix="afterglow-") as folder:
        path = os.path.join(folder, "log.zip")
        with _answer(log.files[0].uri) as response, open(path, "wb") as out:
            try:
                shutil.copyfileobj(response, out, 1 << 20)
            except OSError as error:
                raise InputError(f"{log.name}: the download broke off: {error}") from error
        inside = places.in_zip(LogFile(path, os.path.getsize(path)), look=True)
        named = [(layout.base_name(file.member or ""), file) for file in inside or ()]
        if not named:
            raise InputError(f"{log.name}: the History Server's answer holds no log")
        if layout.is_rolling([name for name, _ in named]):
            there = layout.rolling(log.name, named)
        else:
            there = layout.single(next(file for name, file in named if layout.may_be_log(name)))
        yield replace(there, name=log.name, in_progress=log.in_progress)


def _json(address: str) -> list[dict[str, Any]]:
    with _answer(address) as response:
        try:
            found = json.load(response)
        except ValueError as error:
            shown = without_password(address)
            raise InputError(f"{shown}: no History Server: its answer is no JSON; give http://host:18080") from error
    return found if isinstance(found, list) else []


def _answer(address: str) -> Any:
    try:
        return urllib.request.urlopen(address, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        raise InputError(f"{without_password(address)}: the server answers {error.code} {error.reason}") from error
    except (OSError, ValueError) as error:
        raise InputError(
            f"{without_password(address)}: no answer: {getattr(error, 'reason', error)}; is the History Server running?"
        ) from error
