"""Read a sample back, with as little code as possible and none of Afterglow's: a check must not share its bugs."""

import contextlib
import gzip
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from framed import DECOMPRESS

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
GZIP_MAGIC = b"\x1f\x8b"


def log_files(log: Path) -> list[Path]:
    """The files of a log that hold events, in their order."""
    if log.is_file():
        return [log]
    return sorted(log.glob("events_*"), key=lambda path: int(path.name.split("_")[1]))


def codec(file: Path) -> str:
    """The codec of a file by its first bytes: plain, gzip, zstd, lz4, snappy or lzf."""
    return _codec(file.read_bytes()[:8])[0]


def read_text(log: Path) -> str:
    """All lines of a log."""
    return "".join(_decompressed(file).decode() for file in log_files(log))


def _decompressed(file: Path) -> bytes:
    data = file.read_bytes()
    return _codec(data[:8])[1](data)


def _codec(start: bytes) -> tuple[str, Callable[[bytes], bytes]]:
    known = {ZSTD_MAGIC: ("zstd", _decompress_zstd), GZIP_MAGIC: ("gzip", gzip.decompress)} | DECOMPRESS
    return next((known[magic] for magic in known if start.startswith(magic)), ("plain", bytes))


def _decompress_zstd(data: bytes) -> bytes:
    with pa.input_stream(io.BytesIO(data), compression="zstd") as stream:  # reads on where a frame ends
        return bytes(stream.read())


def events(text: str) -> Iterator[dict[str, Any]]:
    """The events of a log; a last line that was cut short is left out."""
    *lines, rest = text.split("\n")  # not splitlines(): U+0085 and U+2028 may stand bare within a JSON string
    yield from map(json.loads, lines)
    with contextlib.suppress(ValueError):
        yield json.loads(rest)


def count(text: str) -> Counter[str]:
    """What is in a log, as plain counts: jobs, failed_jobs, stages (attempts that ran), skipped_stages, tasks, ..."""
    counts: Counter[str] = Counter()
    listed: set[int] = set()
    ran: set[tuple[int, int]] = set()
    begun: dict[str, set[Any]] = {"jobs": set(), "tasks": set()}
    ended: dict[str, set[Any]] = {"jobs": set(), "tasks": set()}
    for event in events(text):
        match event["Event"]:
            case "SparkListenerJobStart":
                begun["jobs"].add(event["Job ID"])
                listed.update(event["Stage IDs"])
                counts["jobs_without_stages"] += not event["Stage IDs"]
            case "SparkListenerJobEnd":
                ended["jobs"].add(event["Job ID"])
                counts["failed_jobs"] += event["Job Result"]["Result"] != "JobSucceeded"
            case "SparkListenerStageSubmitted":
                ran.add((event["Stage Info"]["Stage ID"], event["Stage Info"]["Stage Attempt ID"]))
            case "SparkListenerTaskStart":
                begun["tasks"].add(_task(event))
            case "SparkListenerTaskEnd":
                ended["tasks"].add(_task(event))
                counts.update(_kinds_of_end(event))
            case "SparkListenerApplicationEnd":
                counts["application_ends"] += 1
            case "SparkListenerExecutorRemoved":
                counts["executors_removed"] += 1
    counts["jobs"], counts["tasks"], counts["stages"] = len(begun["jobs"]), len(begun["tasks"]), len(ran)
    counts["unfinished_jobs"] = len(begun["jobs"] - ended["jobs"])
    counts["unfinished_tasks"] = len(begun["tasks"] - ended["tasks"])
    counts["stage_reattempts"] = sum(attempt > 0 for _, attempt in ran)
    counts["skipped_stages"] = len(listed - {stage for stage, _ in ran})
    return counts


def _task(event: dict[str, Any]) -> tuple[int, int, int]:
    return event["Stage ID"], event["Stage Attempt ID"], event["Task Info"]["Task ID"]


def _kinds_of_end(event: dict[str, Any]) -> Iterator[str]:
    reason = event["Task End Reason"]["Reason"]
    if reason == "Resubmitted":
        yield "resubmitted_tasks"
    elif reason != "Success":
        yield "killed_tasks" if reason == "TaskKilled" else "failed_tasks"
    if reason == "FetchFailed":
        yield "fetch_failed_tasks"
    if (event.get("Task Metrics") or {}).get("Disk Bytes Spilled", 0) > 0:
        yield "spilling_tasks"
