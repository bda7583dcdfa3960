"""A damaged log on disk, and reading it: what the properties and the table of damages share."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, BinaryIO, cast

from afterglow.ingest import discover
from afterglow.ingest.errors import AfterglowError
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.pipeline import read_log
from afterglow.schemas.logs import EventLogTables, LogFile

from ..ingest.codecs.codec_encoders import Dribble
from . import event_strategies as material
from .corruptions import BYTES, CONTAINERS, TEXT, stored
from .oracle import Standard, Verdict, compare, text_of
from .text import Text

SMALL = "small"
FOLDER_KINDS = (
    "a segment removed",
    "a segment empty",
    "a segment damaged",
    "appstatus missing",
    "appstatus lying",
    "compacted beside stale segments",
    ".crc and .compact.inprogress",
)
OTHER_KINDS = ("empty file", "no event log at all")
KINDS = (*TEXT, *BYTES, *FOLDER_KINDS, *OTHER_KINDS)


def lines_of(name: str) -> tuple[bytes, ...]:
    """A sample's lines, or those of the small log."""
    return material.small_lines() if name == SMALL else material.sample_lines(name)


@cache
def standard(name: str, folder: Path) -> Standard:
    """What an undamaged log holds, by reading it."""
    path = folder / f"standard-{name}"
    path.write_bytes(b"".join(line + b"\n" for line in lines_of(name)))
    (log,) = find_logs([str(path)])
    return Standard.of(lines_of(name), read_log(log))


@dataclass(frozen=True)
class Case:
    """A damaged log: its files by name, which original lines it holds, and of which enough is left for a row. Without
    `rolling` it is one file."""

    files: Mapping[str, bytes]
    whole: set[int]
    named: set[int]
    rolling: bool = False

    def write(self, folder: Path) -> Path:
        """Writes the files into an empty folder; what to read."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, data in self.files.items():
            (folder / name).write_bytes(data)
        return folder if self.rolling else folder / next(iter(self.files))


def single(name: str, kinds: Sequence[str], container: str, rng: Random) -> Case:
    """One file with these damages, one after the other."""
    text = Text.of(lines_of(name))
    for kind in kinds:
        if kind in TEXT:
            text = TEXT[kind](text, rng)
    file, units = stored(text, container, rng)
    for kind in kinds:
        if kind in BYTES:
            file = BYTES[kind](file, units, rng)
            break
    suffix = rng.choice((file.suffix, "", ".json", ".inprogress"))
    return Case({f"app-damaged{suffix}": file.data}, file.text.whole(), file.text.named())


def nothing(kind: str, rng: Random) -> Case:
    """A file that holds no event."""
    junk = (
        b"\n",
        b"PK\x03\x04" + rng.randbytes(200),
        rng.randbytes(2000),
        b"\x00" * 5000,
        b"{}\n[]\n",
        b"%PDF-1.7\n",
        b"id,name\n1,a\n" * 50,
        b'{"Event":"SparkListenerOfTheFuture"}\n',
        b"\x28\xb5\x2f\xfd",
        b"\x1f\x8b" + b"x" * 50,
    )
    return Case({"app-nothing": b"" if kind == "empty file" else rng.choice(junk)}, set(), set())


def rolling(name: str, kind: str, container: str, rng: Random) -> Case:
    """A rolling folder with this damage."""
    parts = Text.of(lines_of(name)).split(rng.randint(2, 5))
    segments: dict[int, tuple[bytes, Text, str]] = {}
    for number, text in enumerate(parts, 1):
        file, _ = stored(text, container, rng)
        segments[number] = (file.data, text, file.suffix)
    app = "app-damaged"
    extra: dict[str, bytes] = {f"appstatus_{app}": b""}
    some = rng.choice(list(segments))
    data, text, suffix = segments[some]
    if kind == "a segment removed":
        del segments[some]
    elif kind == "a segment empty":
        segments[some] = (b"", Text(()), suffix)
    elif kind == "a segment damaged":
        damage = rng.choice([*TEXT, *BYTES])
        if damage in TEXT:
            text = TEXT[damage](text, rng)
        file, units = stored(text, container, rng)
        if damage in BYTES:
            file = BYTES[damage](file, units, rng)
        segments[some] = (file.data, file.text, suffix)
    elif kind == "appstatus missing":
        extra = {}
    elif kind == "appstatus lying":
        extra = rng.choice(
            (
                {f"appstatus_{app}.inprogress": b""},
                {f"appstatus_{app}": b"", f"appstatus_{app}.inprogress": b""},
                {"appstatus_another": b"junk"},
                {f"appstatus_{app}": rng.randbytes(100)},
            )
        )
    elif kind == ".crc and .compact.inprogress":
        extra |= {
            f".events_{some}_{app}{suffix}.crc": rng.randbytes(12),
            f".appstatus_{app}.crc": b"crc\x00",
            f"events_{some}_{app}{suffix}.compact.inprogress": data[: len(data) // 2],
        }
    files: dict[str, bytes] = {}
    held = list(segments.items())
    if kind == "compacted beside stale segments":
        old = [text for number, (_, text, _) in held if number <= some]
        compacted = Text(tuple(piece for text in old for piece in text.pieces))
        plain = rng.random() < 0.5  # Spark 3.5.9 compacts into plain JSON under a compressed name
        files[f"events_{some}_{app}{suffix}.compact"] = (
            compacted.data if plain else stored(compacted, container, rng)[0].data
        )
        stale = [
            (number, (rng.choice((data, rng.randbytes(50), b"")), Text(()), suffix))
            for number, (data, _, suffix) in held
            if number <= some and rng.random() < 0.7
        ]
        held = [*stale, (0, (b"", compacted, "")), *(segment for segment in held if segment[0] > some)]
    files |= {f"events_{number}_{app}{suffix}": data for number, (data, _, suffix) in held if number}
    texts = [text for _, (_, text, _) in held]
    whole, named = (set().union(*found) for found in ((t.whole() for t in texts), (t.named() for t in texts)))
    return Case({**files, **extra}, whole, named, True)


def make(name: str, kind: str, rng: Random, more: Sequence[str] = (), container: str | None = None) -> Case:
    """A log of this name with damage of this kind, and with text damages on top where it is one file."""
    container = container or rng.choice(list(CONTAINERS))
    if kind in FOLDER_KINDS:
        return rolling(name, kind, container, rng)
    if kind in OTHER_KINDS:
        return nothing(kind, rng)
    return single(name, [kind, *more], container, rng)


@contextmanager
def dribbling(sizes: Sequence[int]) -> Iterator[None]:
    """Files give only so many bytes at a time, in turn."""
    plain = discover.open_file

    def opened(file: LogFile, *limits: Any) -> BinaryIO:
        with plain(file, *limits) as raw:
            data = raw.read()
        return cast(BinaryIO, Dribble(data, sizes))

    discover.open_file = opened
    try:
        yield
    finally:
        discover.open_file = plain


@dataclass
class Read:
    """How reading went: the tables or an expected error; what else was raised is a traceback."""

    tables: EventLogTables | None
    error: str | None
    verdict: Verdict


def read(case: Case, original: Standard, folder: Path, options: Any = None) -> Read:
    """Writes a case, reads it and judges. Anything but an AfterglowError is raised."""
    path = case.write(folder)
    try:
        logs = list(find_logs([str(path)]))
        assert len(logs) == 1, f"{len(logs)} logs instead of one"
        tables = read_log(logs[0], options)
    except AfterglowError as error:
        verdict = compare(original, case.whole, case.named, None, {})
        if "\n" in str(error) or ("app-" not in str(error) and str(path) not in str(error)):
            verdict.misplaced.append(f"a message that is no line with the file's name: {error}")
        return Read(None, str(error), verdict)
    texts = {file.name: text_of(Path(file.uri).read_bytes()) for file in logs[0].files}
    return Read(tables, None, compare(original, case.whole, case.named, tables, texts))
