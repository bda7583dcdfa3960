"""Explain errors of file systems and object stores in one line: the reason, and what to do."""

import re

import pyarrow as pa

STORAGE_ERRORS = (OSError, pa.ArrowException)
"""What pyarrow's file systems raise: for errors that it has no name for, no OSError but the base of its own."""
_LONGEST = 160
_UNREACHABLE = (
    r"NETWORK_CONNECTION|curlCode|CURL error|[Cc]ould not connect|[Cc]onnection refused|timed? ?out|UNAVAILABLE"
    r"|resolve host|UnknownHostException|ConnectException"
)
_OF_TEXT = (
    (r"Permission denied|AccessDeniedException", "permission denied", "check its permissions"),
    (r"Read-only file system", "the file system is read-only", "choose another place"),
    (r"No space left|Disk quota exceeded", "the disk is full", "make room"),
    (
        r"AWS Error ACCESS_DENIED|HTTP status 403|PERMISSION_DENIED|AuthorizationPermissionMismatch",
        "access is denied",
        "check the credentials and their permissions",
    ),
    (
        r"DefaultAzureCredential|OAuth2 access token"
        r"|InvalidAccessKeyId|INVALID_ACCESS_KEY_ID|SignatureDoesNotMatch|SIGNATURE_DOES_NOT_MATCH|EXPIRED_TOKEN"
        r"|ExpiredToken|UNAUTHENTICATED|HTTP status 401",
        "the credentials are not accepted",
        "check them, and the clock of this machine",
    ),
    (r"NO_SUCH_BUCKET|NoSuchBucket|[Bb]ucket .* not found", "there is no such bucket", "check its name and its region"),
    (
        _UNREACHABLE,
        "the storage does not answer",
        "check the network, the region and endpoint_override",
    ),
    (r"libjvm|libhdfs", "HDFS needs Java and Hadoop, which were not found", "set JAVA_HOME, HADOOP_HOME and CLASSPATH"),
    (
        r"Unrecognized filesystem type",
        "this kind of storage is not supported",
        "use a path, s3://, gs://, abfs:// or hdfs://",
    ),
)


def is_unreachable(error: BaseException) -> bool:
    """Whether the storage did not answer at all."""
    return re.search(_UNREACHABLE, str(error)) is not None


def explain(error: BaseException) -> str:
    """`reason; advice`, or the reason alone where nothing is known to help.

    The paths, addresses and error codes in the error's own text are left out, since the message names the path.
    """
    text = str(error)
    for pattern, reason, advice in _OF_TEXT:
        if re.search(pattern, text):
            return f"{reason}; {advice}"
    reason = getattr(error, "strerror", None) or text.strip().partition("\n")[0] or type(error).__name__
    reason = re.sub(r"^\[Errno \d+\] ", "", str(reason))
    reason = reason[:1].lower() + reason[1:] if reason[1:2].islower() else reason
    return reason if len(reason) <= _LONGEST else reason[: _LONGEST - 1] + "…"
