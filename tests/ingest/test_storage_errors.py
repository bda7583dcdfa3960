"""Errors of files and object stores as one line, without error numbers, addresses and the words of a client library."""

import contextlib
import errno
import os
import socket
from collections.abc import Iterator

import pyarrow as pa
import pytest

from afterglow.ingest import filesystems
from afterglow.ingest.discover import open_file, storage
from afterglow.ingest.errors import InputError
from afterglow.ingest.storage_errors import explain
from afterglow.schemas.logs import LogFile

AWS = "When getting information for key 'x' in bucket 'b': AWS Error {} during HeadObject operation: {}"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/a/b"), "permission denied; check its permissions"),
        (OSError(errno.EROFS, "Read-only file system", "/a"), "the file system is read-only; choose another place"),
        (OSError(errno.ENOSPC, "No space left on device", "/a"), "the disk is full; make room"),
        (OSError(errno.EIO, "Input/output error", "/a/b"), "input/output error"),
        (
            OSError(AWS.format("NETWORK_CONNECTION", "curlCode: 7, Could not connect to server; Details: port 9")),
            "the storage does not answer; check the network, the region and endpoint_override",
        ),
        (
            OSError(AWS.format("ACCESS_DENIED", "No response body.")),
            "access is denied; check the credentials and their permissions",
        ),
        (
            OSError(AWS.format("UNKNOWN (HTTP status 403)", "Unable to parse ExceptionName: InvalidAccessKeyId")),
            "access is denied; check the credentials and their permissions",
        ),
        (OSError("NoSuchBucket: gone"), "there is no such bucket; check its name and its region"),
        (
            OSError("Unable to load libjvm dlopen(/usr/lib/jvm/libjvm.so) failed: " * 9),
            "HDFS needs Java and Hadoop, which were not found; set JAVA_HOME, HADOOP_HOME and CLASSPATH",
        ),
        (OSError("something new\nand its stack"), "something new"),
        (OSError(), "OSError"),
    ],
)
def test_the_reason_and_what_to_do(error: OSError, says: str) -> None:
    assert explain(error) == says


def test_a_reason_that_is_not_known_is_cut() -> None:
    assert len(explain(OSError("x" * 5_000))) == 160


def test_an_unreadable_file_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(uri: str) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), uri)

    monkeypatch.setattr(storage, "_open", refuse)
    with pytest.raises(InputError) as error:
        open_file(LogFile("/logs/app-1", 5, None))
    assert str(error.value) == "/logs/app-1: cannot be opened: permission denied; check its permissions"


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b"), ("AWS_EC2_METADATA_DISABLED", "1")):
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("credentials")
def test_a_bucket_that_is_not_reached_is_one_short_line() -> None:
    with pytest.raises(InputError) as error:
        list(storage.walk("s3://bucket/x?endpoint_override=http://127.0.0.1:9&region=us-east-1"))
    assert str(error.value).endswith(
        "cannot be reached: the storage does not answer; check the network, the region and endpoint_override"
    )


@pytest.mark.slow
@pytest.mark.usefixtures("credentials")
def test_a_bucket_that_accepts_and_hangs_is_not_asked_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """One attempt is two connections. The client's own ten attempts take a hundred seconds."""
    assert filesystems._PROBE_S <= 4  # a request that hangs is given up after twice as long
    monkeypatch.setattr(filesystems, "_PROBE_S", 1)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        port = listening.getsockname()[1]
        with pytest.raises(InputError, match="the storage does not answer"):
            list(storage.walk(f"s3://bucket/x?endpoint_override=http://127.0.0.1:{port}&region=us-east-1"))
        listening.setblocking(False)
        assert len(list(_waiting(listening))) <= 2


def _waiting(listening: socket.socket) -> Iterator[socket.socket]:
    with contextlib.suppress(BlockingIOError):
        while True:
            yield listening.accept()[0]


def test_an_error_that_pyarrow_has_no_name_for_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def get_file_info(self, path: str) -> None:
            raise pa.ArrowException("Unknown error: Failed to get token from DefaultAzureCredential.\nSee there")

    monkeypatch.setattr(storage, "reach_file_system", lambda uri: (Refusing(), uri))
    with pytest.raises(InputError) as error:
        list(storage.walk("abfs://container@account/x"))
    assert str(error.value) == (
        "abfs://container@account/x: cannot be listed: the credentials are not accepted; "
        "check them, and the clock of this machine"
    )
