"""The corpus to begin with, made from the samples on the fly: short logs of real lines, in every container."""

import json
from collections.abc import Iterator
from pathlib import Path

from afterglow.ingest import codecs
from afterglow.ingest.codecs import Gap

from ..conftest import sample_log, sample_names
from ..ingest.codecs.codec_encoders import CONTAINERS

LINES_PER_SEED = 12
LONGEST_LINE_BYTES = 2_500
WORDS = (
    "NaN",
    "Infinity",
    "-1",
    "0",
    "null",
    "true",
    "[]",
    "{}",
    '""',
    "1e999",
    "9223372036854775807",
    "9223372036854775808",
    "2147483648",
    "\\u0000",
    "\\ud800",
    "\\n",
    "\\r\\n",
    "Resubmitted",
    "TaskKilled",
    "ExceptionFailure",
    "ExecutorLostFailure",
    "FetchFailed",
    "JobSucceeded",
    "spark.sql.execution.id",
)


def lines_of(name: str) -> list[bytes]:
    """A sample's decompressed lines, those of all its segments."""
    path = sample_log(name)
    files = sorted(p for p in path.iterdir() if p.name.startswith("events_")) if path.is_dir() else [path]
    data = b""
    for file in files:
        with file.open("rb") as raw:
            data += b"".join(chunk for chunk in codecs.open_stream(raw)[1] if not isinstance(chunk, Gap))
    return data.split(b"\n")[:-1]


def seeds() -> Iterator[bytes]:
    """Logs of a few lines, every kind of event in each sample among them, and the same in every container."""
    for name in sample_names():
        chosen: dict[bytes, list[bytes]] = {}
        for line in lines_of(name):
            if len(line) <= LONGEST_LINE_BYTES:
                chosen.setdefault(line[:60].split(b",")[0], []).append(line)
        short = [line for lines in chosen.values() for line in lines[:2]]
        for at in range(0, len(short), LINES_PER_SEED):
            yield b"".join(line + b"\n" for line in short[at : at + LINES_PER_SEED])
    small = [line for line in lines_of("failing-tasks") if len(line) < 400][:6]
    for container in CONTAINERS:
        yield container.write([line + b"\n" for line in small])[0]


def write(folder: Path) -> int:
    """Writes the corpus, a file each; how many."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for count, seed in enumerate(seeds(), 1):
        (folder / f"seed-{count:03}").write_bytes(seed)
    return count


def write_dictionary(path: Path) -> None:
    """libFuzzer's dictionary: the keys and event names that the reader knows, and values that are seldom."""
    from afterglow.schemas.events import EVENT_TABLES

    words = {table.event for table in EVENT_TABLES}
    words.update(f'"{key}":' for table in EVENT_TABLES for column in table.table for key in column.path or ())
    words.update(WORDS)
    path.write_text("".join(json.dumps(word).replace("\\\\", "\\x5c") + "\n" for word in sorted(words)))
