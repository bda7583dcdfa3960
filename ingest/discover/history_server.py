"""Logs of a running History Server, read over its REST interface.

Source: org.apache.spark.status.api.v1.ApiRootResource, ApplicationListResource, EventLogDownloadResource. The list of
applications is JSON, and `/applications/<id>[/<attempt>]/logs` answers with a zip of the log's files.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypedDict
from urllib.parse import quote

import msgspec

from ...schemas.identity import ApplicationIdentity
from ...schemas.logs import EventLog, LogFile, without_password
from ..errors import InputError
from . import layout, storage

if TYPE_CHECKING:
    import requests

_CONNECT_S, _READ_S = 5, 60
_CHUNK_BYTES = 1 << 20
_APPLICATION = re.compile(r"/(?:history|applications)/([^/?#]+)(?:/(\d+))?")
_PAGE = re.compile(r"/(?:history|api|home|jobs)(?:/|$)")
_LOGIN = {401, 403, 407}


@dataclass(frozen=True, slots=True)
class HistoryServerOptions:
    """How to reach a History Server. Proxies, TLS certificates and logins are also taken from the environment, as
    requests does: HTTPS_PROXY, REQUESTS_CA_BUNDLE, ~/.netrc, and `user:password@` in the address."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Sent with every request, for example `Authorization`."""
    ca_bundle: str | None = None
    """A file or folder of certificates to trust instead of the usual ones."""
    client_cert: str | None = None
    """A PEM file with the certificate of the client, and its key unless `client_key` has it."""
    client_key: str | None = None
    """A PEM file with the key of the client's certificate, without a password."""


DEFAULT_OPTIONS = HistoryServerOptions()


class _Attempt(TypedDict, total=False):
    attemptId: str
    startTimeEpoch: int
    sparkUser: str
    lastUpdatedEpoch: int
    completed: bool


class _Named(TypedDict, total=False):
    name: str


class _Application(_Named):
    id: str
    attempts: list[_Attempt]


def is_address(path: str) -> bool:
    """Whether a path is the address of a History Server."""
    return path.startswith(("http://", "https://"))


def applications(address: str, options: HistoryServerOptions = DEFAULT_OPTIONS) -> Iterator[EventLog]:
    """One log per application attempt that the server lists, or the one log that the address names.

    Nothing is downloaded before the log is read (see `fetched`). An attempt that still runs is `in_progress`.

    Raises:
        InputError: no History Server answers there.
    """
    base = _PAGE.split(address.split("?")[0].split("#")[0].rstrip("/"))[0]
    named = _APPLICATION.search(address)
    found = False
    for application in _listed(f"{base}/api/v1/applications", options):
        for attempt in application.get("attempts", []):
            attempt_id = attempt.get("attemptId")
            if named and (named[1] != application["id"] or (named[2] and named[2] != attempt_id)):
                continue
            found = True
            path = quote(application["id"]) + (f"/{quote(attempt_id)}" if attempt_id else "")
            file = LogFile(f"{base}/api/v1/applications/{path}/logs", 0, attempt.get("lastUpdatedEpoch"))
            yield EventLog(
                file.name,
                "single",
                (file,),
                in_progress=not attempt.get("completed", True),
                listed=_identity(application, attempt),
                listed_user=attempt.get("sparkUser") or None,
            )
    if named and not found:
        shown, complete = without_password(address), without_password(f"{base}/api/v1/applications")
        raise InputError(f"{shown}: the History Server has no application {named[1]}; see {complete}")


def _identity(application: _Application, attempt: _Attempt) -> ApplicationIdentity | None:
    """As ApplicationStart has it, from which the server has it; None without a name or a start, as before Spark 2."""
    name, start = application.get("name"), attempt.get("startTimeEpoch")
    if name is None or start is None:
        return None
    return ApplicationIdentity(application["id"], attempt.get("attemptId"), start, name)


@contextmanager
def fetched(log: EventLog, options: HistoryServerOptions = DEFAULT_OPTIONS) -> Iterator[EventLog]:
    """A log whose files can be opened: one on a History Server is downloaded for the duration of the context.

    Raises:
        InputError: it cannot be downloaded, or the answer is not a log.
    """
    if not log.files or not is_address(log.files[0].uri):
        yield log
        return
    with tempfile.TemporaryDirectory(prefix="afterglow-") as folder:
        path = os.path.join(folder, "log.zip")
        _download(log, path, options)
        inside = storage.in_zip(LogFile(path, os.path.getsize(path)), look=True)
        named = [(layout.base_name(file.member or ""), file) for file in inside or ()]
        if not named:
            raise InputError(f"{log.name}: the History Server's answer holds no log")
        if layout.is_rolling([name for name, _ in named]):
            local = layout.rolling(log.name, named)
        else:
            local = layout.single(next(file for name, file in named if layout.may_be_log(name)))
        yield replace(local, name=log.name, in_progress=log.in_progress)


def _download(log: EventLog, path: str, options: HistoryServerOptions) -> None:
    import requests

    with _get(log.files[0].uri, options) as response, open(path, "wb") as out:
        try:
            for chunk in response.iter_content(_CHUNK_BYTES):
                out.write(chunk)
        except (requests.RequestException, OSError) as error:
            raise InputError(f"{log.name}: the download failed: {_reason(error)}") from error


def _listed(address: str, options: HistoryServerOptions) -> list[_Application]:
    with _get(address, options) as response:
        try:
            listed: object = response.json()
        except ValueError as error:
            shown = without_password(address)
            raise InputError(
                f"{shown}: no History Server: its answer is no JSON; pass its address as http://host:18080"
            ) from error
    try:
        return msgspec.convert(listed, list[_Application])
    except msgspec.ValidationError as error:
        raise InputError(f"{without_password(address)}: no History Server: {error}") from error


def _get(address: str, options: HistoryServerOptions) -> requests.Response:
    import requests  # takes 0.1 s, which only a History Server needs

    shown = without_password(address)
    try:
        response = requests.get(
            address,
            headers=dict(options.headers),
            verify=options.ca_bundle if options.ca_bundle is not None else True,
            cert=_certificate(options),
            timeout=(_CONNECT_S, _READ_S),
            stream=True,
        )
    except (requests.RequestException, OSError, ValueError) as error:
        raise InputError(f"{shown}: no answer: {_reason(error)}; is the History Server running?") from error
    if not response.ok:
        login = "; pass a login with --header 'Authorization: ...'" if response.status_code in _LOGIN else ""
        response.close()
        raise InputError(f"{shown}: the server answers {response.status_code} {response.reason}{login}")
    return response


def _certificate(options: HistoryServerOptions) -> str | tuple[str, str] | None:
    if options.client_cert is None or options.client_key is None:
        return options.client_cert
    return options.client_cert, options.client_key


def _reason(error: BaseException) -> str:
    """The innermost cause in a few words: requests repeats the address, with its password, in every layer."""
    while True:
        inner = error.__cause__ or error.__context__ or getattr(error, "reason", None)
        if not isinstance(inner, BaseException):
            break
        error = inner
    text = getattr(error, "strerror", None) or re.sub(r"^<[^>]*>: ", "", str(error)) or type(error).__name__
    return without_password(str(text))
