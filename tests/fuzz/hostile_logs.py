"""Logs and containers made to cost time or memory, or to make values vanish.

Each case is a function of a size that gives the bytes of a log file. `dropped` is how many values of it cannot become a
row: at least as many must be counted in issues.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from afterglow.schemas import spark

from ..ingest.codecs import codec_encoders as encode
from ..property.event_strategies import small_lines

START = 1_750_000_000_000
SMALL, LARGE = 20_000, 2_000_000
"""Bytes of a case in the tests, and of the larger of two in the command."""


@dataclass(frozen=True)
class HostileLog:
    """One case. `make(size)` gives about `size` bytes; `name` is its file's name."""

    name: str
    make: Callable[[int], bytes]
    dropped: int = 0
    sized: bool = True


def corpus() -> list[HostileLog]:
    """All cases."""
    return [
        *_lines(),
        *_texts(),
        *_patterns(),
        *_structures(),
        *_events(),
        *_times_of_jobs(),
        *_values(),
        *_containers(),
    ]


def giants() -> list[HostileLog]:
    """Cases of a size of their own, for the command only."""
    name, after = b'{"Event":"SparkListenerApplicationStart","App ID":"a","Timestamp":1,"App Name":"', b'"}'
    return [
        HostileLog("a string of 200 MB", lambda n: _inside(lambda m: name + b"a" * 200_000_000 + after)(n), 1, False),
        HostileLog("a line of 88 MB of torn starts", lambda n: _inside(_times(b'{"Event":"'))(88_000_000), 1, False),
        HostileLog("a million empty gzip members", lambda n: gzip.compress(b"", mtime=0) * 1_000_000, 0, False),
        HostileLog(
            "a million empty gzip members after a log",
            lambda n: gzip.compress(_BEGIN + _END) + gzip.compress(b"", mtime=0) * 1_000_000,
            0,
            False,
        ),
        HostileLog("a zip of 99,000 members", lambda n: _zip({f"app-{i}": b"x" for i in range(99_000)}), 0, False),
    ]


def _line(event: Mapping[str, Any]) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"


_BEGIN = b"".join(line + b"\n" for line in small_lines()[:8])
_END = b"".join(line + b"\n" for line in small_lines()[8:])
_TASK_END = json.loads(next(line for line in small_lines() if spark.TASK_END.encode() in line[:60]))


def _inside(make: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """Between the first events of an application and its other ones."""
    return lambda size: _BEGIN + make(size) + b"\n" + _END


def _times(piece: bytes) -> Callable[[int], bytes]:
    return lambda size: piece * (size // len(piece) + 1)


def _lines() -> Iterator[HostileLog]:
    pieces = {
        "torn starts": b'{"Event":"',
        "events on one line": b'{"Event":"SparkListenerJobEnd","Job ID":0}',
        "torn task ends": b'{"Event":"SparkListenerTaskEnd","Stage ID":0,"Task Info":{"Task ID":',
        "unknown events on one line": b'{"Event":"org.acme.Other","x":1}',
        "quotes": b'"',
        "backslashes": b"\\",
        "open braces": b"{",
        "open brackets": b"[",
        "open objects": b'{"a":',
        "closed brackets": b"]",
        "blanks": b" ",
        "NULs": b"\x00",
        "high bytes": b"\xff",
        "carriage returns": b"\r",
        "empty lines": b"\n",
        "lines of NUL": b"\x00\n",
        "lines of blanks": b"  \n",
        "lines of a brace": b"{\n",
        "lines of a torn start": b'{"Event":"\n',
        "lines of text": b"no event\n",
        "lines of a number": b"1\n",
        "lines of unknown events": b'{"Event":"org.acme.Other"}\n',
        "lines of another JSON": b'{"a":[1,2,{"b":null}]}\n',
        "byte order marks": b"\xef\xbb\xbf",
        "record separators": b"\x1e",
    }
    for name, piece in pieces.items():
        yield HostileLog(f"line of {name}", _inside(_times(piece)))
        yield HostileLog(f"only {name}", _times(piece))


def _texts() -> Iterator[HostileLog]:
    fills = {
        "letters": b"a",
        "astral characters": "\U0001f525".encode(),
        "escapes": b"\\n",
        "unicode escapes": b"\\u0041",
        "surrogates": b"\\ud83d\\ude00",
        "lone surrogates": b"\\ud800",
        "escaped quotes": b'\\"',
        "escaped backslashes": b"\\\\",
        "braces": b"{,",
        "wrong UTF-8": b"\xc3\x28",
        "control characters": b"\x01",
    }
    holders = {
        "application name": (
            b'{"Event":"SparkListenerApplicationStart","App ID":"a","Timestamp":1,"App Name":"',
            b'"}',
        ),
        "host": (b'{"Event":"SparkListenerTaskStart","Stage ID":9,"Task Info":{"Task ID":99,"Host":"', b'"}}'),
        "failure": (b'{"Event":"SparkListenerTaskEnd","Task End Reason":{"Reason":"x","Description":"', b'"}}'),
        "plan text": (
            b'{"Event":"' + spark.SQL_START.encode() + b'","executionId":9,"physicalPlanDescription":"',
            b'","sparkPlanInfo":{"nodeName":"x"}}',
        ),
        "job property": (
            b'{"Event":"SparkListenerJobStart","Job ID":9,"Properties":{"spark.job.description":"',
            b'"}}',
        ),
        "setting": (b'{"Event":"SparkListenerEnvironmentUpdate","Spark Properties":{"spark.x":"', b'"}}'),
    }
    for holder, (before, after) in holders.items():
        for fill, piece in fills.items():
            body = _times(piece)
            yield HostileLog(f"{holder} of {fill}", _inside(lambda n, b=before, m=body, a=after: b + m(n) + a))  # type: ignore[misc]
        yield HostileLog(f"{holder} without end", _inside(lambda n, b=before: b + b"a" * n))  # type: ignore[misc]


def _patterns() -> Iterator[HostileLog]:
    """Patterns that a log brings for its own properties, and texts on which patterns of secrets could go astray."""
    for pattern in (
        "(a+)+$",
        "(a|a)*b",
        "(.*)*x",
        "(?=a)b",
        "(a)\\\\1",
        "((a{1,30}){1,30}){1,30}$",
        "a{1000}" * 5,
        "(" * 1000,
        ".*" * 900,
    ):
        properties = b'{"Event":"SparkListenerEnvironmentUpdate","Spark Properties":{"%s":"%s","a%s":"x","b":"%s"}}'
        text = pattern.encode()
        yield HostileLog(
            f"own pattern {pattern[:20]}",
            _inside(
                lambda n, t=text, p=properties: p % (spark.REDACTION_PATTERN_KEY.encode(), t, b"a" * 60, b"a" * n)  # type: ignore[misc]
            ),
        )
    before, after = b'{"Event":"SparkListenerJobStart","Job ID":9,"Properties":{"spark.job.description":"', b'"}}'
    for piece in (
        "password=",
        "password",
        "password='",
        "password \\'",
        "://",
        "://a:",
        "s3a://a:",
        "https://a",
        "Authorization: ",
        "bearer a1",
        "-----BEGIN PRIVATE KEY-----",
        "IDENTIFIED BY ",
        "--password ",
        "sig=",
        "key.key.",
        "eyJ",
        "AKIA",
        "jdbc:oracle:thin:a/",
    ):
        body = _times(piece.replace("\\", "\\\\").encode())
        yield HostileLog(f"text of {piece}", _inside(lambda n, m=body: before + m(n) + after))  # type: ignore[misc]


def _times_of_jobs() -> Iterator[HostileLog]:
    """Jobs at moments that no clock shows."""
    ends = {"year 1970": 1, "year 9999": 253_402_300_799_999, "beyond dates": 2**60, "the last": 2**63 - 1, "-1": -1}
    for name, moment in ends.items():
        events = [
            {"Event": spark.JOB_START, "Job ID": 9, "Submission Time": START + 1000, "Stage IDs": []},
            {"Event": spark.JOB_END, "Job ID": 9, "Completion Time": moment, "Job Result": {"Result": "JobSucceeded"}},
        ]
        data = _BEGIN + b"".join(map(_line, events)) + _END
        dropped = int(moment < START or moment >= 2**60)
        yield HostileLog(f"a job that ends in {name}", lambda n, d=data: d, dropped, sized=False)  # type: ignore[misc]


def _structures() -> Iterator[HostileLog]:
    job = b'{"Event":"SparkListenerJobStart","Job ID":9,"Submission Time":1,'
    sql = b'{"Event":"' + spark.SQL_START.encode() + b'","executionId":9,"time":1,"sparkPlanInfo":'
    plan = b'{"nodeName":"Union","simpleString":"u","metadata":{},"metrics":[],"children":['
    searched = plan.replace(b'"u"', b'"_rand#1"')
    task = (
        b'{"Event":"SparkListenerTaskEnd","Stage ID":0,"Stage Attempt ID":0,"Task Info":{"Task ID":99,"Accumulables":['
    )
    holders: dict[str, tuple[bytes, bytes, bytes, int]] = {
        "stage ids": (job + b'"Stage IDs":[', b"1,", b"1]}", 0),
        "empty stages": (job + b'"Stage Infos":[', b"{},", b"{}]}", 1),
        "stages": (job + b'"Stage Infos":[', b'{"Stage ID":1},', b"{}]}", 1),
        "parents": (job + b'"Stage Infos":[{"Stage ID":1,"Parent IDs":[', b"1,", b"1]}]}", 0),
        "empty RDDs": (job + b'"Stage Infos":[{"Stage ID":1,"RDD Info":[', b"{},", b"{}]}]}", 0),
        "properties": (job + b'"Properties":{', b'"spark.job.description":1,', b'"a":1}}', 1),
        "annotations": (job + b'"Properties":{', b'"afterglow.x":"y",', b'"a":1}}', 0),
        "nulls": (job + b'"x":[', b"null,", b"0]}", 0),
        "fields of one name": (job, b'"Job ID":1,', b'"a":1}', 0),
        "accumulators": (task, b'{"ID":1,"Name":"a","Update":"1","Internal":false},', b"{}]}}", 0),
        "accumulators of text": (task, b'{"ID":1,"Name":"a","Update":"x","Internal":false},', b"{}]}}", 1),
        "empty accumulators": (task, b"{},", b"{}]}}", 0),
        "empty plan nodes": (sql + plan, b"{},", b"{}]}}", 0),
        "empty plan nodes of a search": (sql + searched, b"{},", b"{}]}}", 0),
        "scans": (sql + plan, b'{"nodeName":"Scan x","metadata":{"Location":"A[a, b, c]"}},', b"{}]}}", 0),
        "plan metrics": (sql + searched + b'],"metrics":[', b'{"accumulatorId":1},', b"{}]}}", 0),
    }
    for name, (before, piece, after, dropped) in holders.items():
        body = _times(piece)
        yield HostileLog(f"many {name}", _inside(lambda n, b=before, m=body, a=after: b + m(n) + a), dropped)  # type: ignore[misc]
    for name, node in (("plan", plan), ("plan of a search", searched)):
        yield HostileLog(f"deep {name}", _inside(lambda n, p=node: _nested(sql, p, b"]}", n, b"}")))  # type: ignore[misc]
        yield HostileLog(f"deep {name} without end", _inside(lambda n, p=node: sql + _times(p)(n)))  # type: ignore[misc]
    for name, head in (("known", job), ("unknown", b'{"Event":"org.acme.Other",'), ("task", task[:-16])):
        yield HostileLog(
            f"deep arrays in a {name} event", _inside(lambda n, h=head: _nested(h + b'"x":', b"[", b"]", n, b"}"))
        )  # type: ignore[misc]
        yield HostileLog(
            f"deep objects in a {name} event",
            _inside(lambda n, h=head: _nested(h + b'"x":', b'{"a":', b"}", n, b"}", b"1")),
        )  # type: ignore[misc]
    yield HostileLog(
        "deep properties", _inside(lambda n: _nested(job + b'"Properties":', b'{"a":', b"}", n, b"}", b"1")), 1
    )


def _nested(before: bytes, begin: bytes, end: bytes, size: int, after: bytes, core: bytes = b"") -> bytes:
    count = size // (len(begin) + len(end))
    return before + begin * count + core + end * count + after


def _events() -> Iterator[HostileLog]:
    info = {"Stage Attempt ID": 0, "Stage Name": "s", "Number of Tasks": 1}
    kinds: dict[str, Callable[[int], dict[str, Any]]] = {
        "application starts": lambda i: {"Event": spark.APPLICATION_START, "App ID": f"a{i}", "Timestamp": START + i},
        "log starts": lambda i: {"Event": spark.LOG_START, "Spark Version": str(i)},
        "application ends": lambda i: {"Event": spark.APPLICATION_END, "Timestamp": START + i},
        "jobs": lambda i: {"Event": spark.JOB_START, "Job ID": i, "Submission Time": START + i, "Stage IDs": [i]},
        "jobs of one id": lambda i: {"Event": spark.JOB_START, "Job ID": 1, "Submission Time": START + i},
        "job ends": lambda i: {"Event": spark.JOB_END, "Job ID": i, "Completion Time": START + i},
        "completed stages": lambda i: {"Event": spark.STAGE_COMPLETED, "Stage Info": {**info, "Stage ID": i}},
        "stage attempts": lambda i: {
            "Event": spark.STAGE_COMPLETED,
            "Stage Info": {**info, "Stage ID": 1, "Stage Attempt ID": i},
        },
        "task starts": lambda i: {
            "Event": spark.TASK_START,
            "Stage ID": 0,
            "Stage Attempt ID": 0,
            "Task Info": {"Task ID": i},
        },
        "tasks": lambda i: {"Event": spark.TASK_END, "Stage ID": 0, "Stage Attempt ID": 0, "Task Info": {"Task ID": i}},
        "tasks of one id": lambda i: {
            "Event": spark.TASK_END,
            "Stage ID": 0,
            "Stage Attempt ID": 0,
            "Task Info": {"Task ID": 1},
        },
        "tasks of many stages": lambda i: {
            "Event": spark.TASK_END,
            "Stage ID": i,
            "Stage Attempt ID": 0,
            "Task Info": {"Task ID": i},
        },
        "tasks far apart": lambda i: {
            "Event": spark.TASK_END,
            "Stage ID": 0,
            "Stage Attempt ID": 0,
            "Task Info": {"Task ID": i << 40},
        },
        "tasks of absurd times": lambda i: {
            **_TASK_END,
            "Task Info": {**_TASK_END["Task Info"], "Task ID": i, "Launch Time": i << 45, "Finish Time": i << 46},
        },
        "executors": lambda i: {"Event": spark.EXECUTOR_ADDED, "Timestamp": START + i, "Executor ID": str(i)},
        "removals": lambda i: {
            "Event": spark.EXECUTOR_REMOVED,
            "Timestamp": START + i,
            "Executor ID": "1",
            "Removed Reason": "x",
        },
        "executions": lambda i: {"Event": spark.SQL_START, "executionId": i, "time": START + i},
        "execution ends": lambda i: {"Event": spark.SQL_END, "executionId": i, "time": START + i},
        "environments": lambda i: {"Event": spark.ENVIRONMENT_UPDATE, "Spark Properties": {f"spark.{i}": "x"}},
        "resource profiles": lambda i: {"Event": spark.RESOURCE_PROFILE_ADDED, "Resource Profile Id": i},
        "rollovers": lambda i: {"Event": spark.DATABRICKS_METADATA, "Rollover Number": i << 32},
        "block managers": lambda i: {
            "Event": spark.BLOCK_MANAGER_ADDED,
            "Block Manager ID": {"Executor ID": str(i)},
            "Timestamp": i,
        },
        "executor metrics": lambda i: {
            "Event": spark.STAGE_EXECUTOR_METRICS,
            "Executor ID": str(i),
            "Stage ID": 0,
            "Stage Attempt ID": 0,
        },
    }
    for name, event in kinds.items():
        dropped = 1 if name == "application starts" else 0
        yield HostileLog(f"many {name}", lambda n, e=event: _until(n, _BEGIN, e), dropped)  # type: ignore[misc]


def _until(size: int, begin: bytes, event: Callable[[int], dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    out.write(begin)
    number = 10
    while out.tell() < size:
        out.write(_line(event(number)))
        number += 1
    out.write(_END)
    return out.getvalue()


_VALUES: Mapping[str, bytes] = {
    "beyond 64 bits": b"9223372036854775808",
    "far beyond 64 bits": b"1180591620717411303424",
    "infinite": b"1e400",
    "a fraction": b"1.5",
    "text": b'"some text"',
    "an object": b'{"a":1}',
}
_FIELDS = (
    b'"Stage ID":',
    b'"Stage Attempt ID":',
    b'"Task ID":',
    b'"Index":',
    b'"Attempt":',
    b'"Launch Time":',
    b'"Finish Time":',
    b'"Getting Result Time":',
    b'"Executor Run Time":',
    b'"Executor CPU Time":',
    b'"Result Size":',
    b'"JVM GC Time":',
    b'"Memory Bytes Spilled":',
    b'"Disk Bytes Spilled":',
    b'"Fetch Wait Time":',
    b'"Remote Bytes Read":',
    b'"Shuffle Write Time":',
    b'"Bytes Read":',
    b'"Records Written":',
    b'"JVMHeapMemory":',
    b'"Submission Time":',
    b'"Completion Time":',
    b'"Job ID":',
    b'"Timestamp":',
    b'"executionId":',
    b'"Total Cores":',
    b'"RDD ID":',
    b'"Number of Tasks":',
)


def _values() -> Iterator[HostileLog]:
    """One value of one event that its column cannot hold."""
    for field in _FIELDS:
        for name, value in _VALUES.items():
            lines = [
                _with_value(line, field, value) if at == _line_with(field) else line
                for at, line in enumerate(small_lines())
            ]
            data = b"\n".join(lines) + b"\n"
            yield HostileLog(f"{field.decode()[1:-2]} {name}", lambda n, d=data: d, 1, sized=False)  # type: ignore[misc]


def _line_with(field: bytes) -> int:
    """The last line with the field; RDDs are read in JobStart only."""
    needed = spark.JOB_START.encode() if field == b'"RDD ID":' else b""
    return max(at for at, line in enumerate(small_lines()) if field in line and needed in line)


def _with_value(line: bytes, field: bytes, value: bytes) -> bytes:
    begin = line.index(field) + len(field)
    end = min(at for at in (line.find(b",", begin), line.find(b"}", begin)) if at > 0)
    return line[:begin] + value + line[end:]


def _containers() -> Iterator[HostileLog]:
    log = _BEGIN + _END
    noise = random.Random(1).randbytes(1 << 20)
    empty_member = gzip.compress(b"", mtime=0)
    zstd_empty = b"\x28\xb5\x2f\xfd\x00\x58\x01\x00\x00"
    skippable = b"\x50\x2a\x4d\x18" + struct.pack("<I", 0)
    snappy_header = b"\x82SNAPPY\x00" + b"\x00\x00\x00\x01" * 2
    repeated = {
        "empty gzip members": empty_member,
        "gzip members of one byte": gzip.compress(b"\n", mtime=0),
        "gzip magics": b"\x1f\x8b\x08\x00",
        "gzip headers": b"\x1f\x8b\x08" + bytes(7),
        "empty zstd frames": zstd_empty,
        "skippable zstd frames": skippable,
        "zstd magics": b"\x28\xb5\x2f\xfd",
        "zstd frame headers": b"\x28\xb5\x2f\xfd\x00\x58",
        "lz4 end marks": b"LZ4Block\x25" + bytes(12),
        "lz4 magics": b"LZ4Block",
        "lz4 blocks of one byte": encode.lz4_block(b"\n"),
        "snappy headers": snappy_header,
        "snappy chunks of one byte": encode.snappy_chunk(b"\n"),
        "snappy lengths": b"\x00\x00\x00\x08",
        "lzf magics": b"ZV\x01",
        "lzf chunks of one byte": b"ZV\x00\x00\x01\n",
        "zip magics": b"PK\x03\x04",
        "zip ends": b"PK\x05\x06" + bytes(18),
    }
    for name, piece in repeated.items():
        start = snappy_header if name.startswith("snappy c") or name.startswith("snappy l") else b""
        yield HostileLog(f"only {name}", lambda n, s=start, p=piece: s + _times(p)(n))  # type: ignore[misc]
        yield HostileLog(f"{name} after a log", lambda n, p=piece: gzip.compress(log) + _times(p)(n))  # type: ignore[misc]
    for name, magic in (
        ("gzip", b"\x1f\x8b\x08"),
        ("zstd", b"\x28\xb5\x2f\xfd"),
        ("lz4", b"LZ4Block"),
        ("snappy", snappy_header),
        ("lzf", b"ZV"),
    ):
        yield HostileLog(f"noise that begins as {name}", lambda n, m=magic: m + noise[:n] * (n // len(noise) or 1))  # type: ignore[misc]
    for container in encode.CONTAINERS:
        label = "zstd with checksums" if container is encode.ZSTD_CHECKED else container.name
        yield HostileLog(f"{label} of zeros", lambda n, c=container: _written(c, log, bytes(n)))  # type: ignore[misc]
        yield HostileLog(f"{label} of newlines", lambda n, c=container: _written(c, log, b"\n" * n))  # type: ignore[misc]
    yield HostileLog("zip of many members", lambda n: _zip({f"app-{i}": b"x" for i in range(n // 100)}))
    yield HostileLog("zip of many logs", lambda n: _zip({f"app-{i}": _BEGIN for i in range(n // 20_000 or 1)}))
    yield HostileLog("zip of many zips", lambda n: _zip({f"{i}.zip": _zip({"a": log}) for i in range(n // 4000)}))
    yield HostileLog("zip of members of one name", lambda n: _same_names(n // 20_000 or 1, log))
    yield HostileLog(
        "zip in zip in zip in zip",
        lambda n: _zip({"a.zip": _zip({"a.zip": _zip({"a.zip": _zip({"a": log * (n // len(log) or 1)})})})}),
    )
    yield HostileLog("gzip of gzip of gzip of gzip", lambda n: _packed(log * (n // len(log) or 1), 4))
    yield HostileLog("gzip bomb", lambda n: gzip.compress(bytes(n * 20)))
    yield HostileLog("gzip of a gzip bomb", lambda n: gzip.compress(gzip.compress(bytes(n * 20))))
    yield HostileLog("zip bomb", lambda n: _zip({"a": bytes(n * 20)}))
    yield HostileLog("deflate without a header", lambda n: zlib.compress(log * (n // len(log) or 1)))


def _written(container: encode.Container, log: bytes, filling: bytes) -> bytes:
    return container.write([log, *encode.split(filling, [32 << 10])])[0]


def _packed(data: bytes, times: int) -> bytes:
    for _ in range(times):
        data = gzip.compress(data, mtime=0)
    return data


def _zip(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _same_names(count: int, log: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(count):
            info = zipfile.ZipInfo("eventlog.json")
            info.comment = str(number).encode()
            archive.writestr(info, log.replace(b"app-small", b"app-%d" % number), zipfile.ZIP_DEFLATED)
    return out.getvalue()
