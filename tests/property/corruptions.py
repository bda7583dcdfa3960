"""The damages: to a log's text before it is compressed, to the stored bytes, and to a rolling log's folder.

Each is a function of what it damages and a source of chance; what it leaves intact it says itself.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from random import Random

from ..ingest.codecs.codec_encoders import GZIP, LZ4, LZF, SNAPPY, ZSTD, ZSTD_CHECKED, Container
from .text import Piece, Text

_NUMBER = re.compile(rb'"(?:Executor Run Time|Finish Time|Index|JVM GC Time|Submission Time|Completion Time)":(\d+)')
_STRING = re.compile(rb'"(?:Host|Stage Name|App Name|User|description|Locality)":"([^"\\]+)"')

TextDamage = Callable[[Text, Random], Text]


def _place(text: Text, rng: Random) -> int:
    return rng.randrange(max(1, text.size))


def truncate(text: Text, rng: Random) -> Text:
    return text.cut(_place(text, rng))


def break_line(text: Text, rng: Random) -> Text:
    at = _place(text, rng)
    return text.edited(at, at, b"\n")


def flip(text: Text, rng: Random) -> Text:
    for _ in range(rng.choice((1, 1, 3, 20))):
        at = _place(text, rng)
        byte = text.data[at : at + 1]
        text = text.edited(at, at + 1, bytes([(byte[0] if byte else 0) ^ 1 << rng.randrange(8)]))
    return text


def remove(text: Text, rng: Random) -> Text:
    at = _place(text, rng)
    return text.edited(at, min(text.size, at + rng.choice((1, 2, 30, 1000, 20_000))), b"")


def insert(text: Text, rng: Random) -> Text:
    at = _place(text, rng)
    junk = rng.choice((rng.randbytes(rng.choice((1, 5, 300))), b'"', b"{", b"}]}", b'{"Event":"', b"\\", b"\n\n{}\n"))
    return text.edited(at, at, junk)


def _some(text: Text, rng: Random, most: int = 5) -> set[int]:
    return {rng.randrange(len(text.pieces)) for _ in range(rng.randint(1, most))} if text.pieces else set()


def no_numbers(text: Text, rng: Random) -> Text:
    """NaN and Infinity where numbers should be: the row is there, without that value."""

    def change(piece: Piece) -> Piece:
        found = list(_NUMBER.finditer(piece.data))
        if not found or not piece.whole:
            return piece
        match = rng.choice(found)
        value = rng.choice((b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 23, b'"x"', b"null", b"{}"))
        return Piece(piece.data[: match.start(1)] + value + piece.data[match.end(1) :], (), piece.whole)

    chosen = _some(text, rng)
    return text.with_pieces(change(piece) if at in chosen else piece for at, piece in enumerate(text.pieces))


def invalid_utf8(text: Text, rng: Random) -> Text:
    """Bytes that are no UTF-8 inside a text: the row is there, with another text."""

    def change(piece: Piece) -> Piece:
        found = list(_STRING.finditer(piece.data))
        if not found or not piece.whole:
            return piece
        match = rng.choice(found)
        at = rng.randint(match.start(1), match.end(1))
        bad = rng.choice((b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf0\x9f"))
        return Piece(piece.data[:at] + bad + piece.data[at:], (), piece.whole)

    chosen = _some(text, rng)
    return text.with_pieces(change(piece) if at in chosen else piece for at, piece in enumerate(text.pieces))


def crlf(text: Text, rng: Random) -> Text:
    return text.with_pieces(replace(p, data=p.data.removesuffix(b"\n") + b"\r\n") for p in text.pieces)


def blank_lines(text: Text, rng: Random) -> Text:
    chosen = _some(text, rng)
    blank = Piece(rng.choice((b"\n", b"  \n", b"\r\n", b"\t\n\n")))
    return _before(text, chosen, blank)


def nul_runs(text: Text, rng: Random) -> Text:
    """Holes: NULs as a line of their own, right before a line, or instead of one."""
    chosen = _some(text, rng, 3)
    pieces: list[Piece] = []
    for at, piece in enumerate(text.pieces):
        nul = b"\x00" * rng.choice((1, 7, 4096))
        if at not in chosen:
            pieces.append(piece)
        elif (how := rng.randrange(3)) == 0:
            pieces += [Piece(nul + b"\n"), piece]
        elif how == 1:
            pieces.append(replace(piece, data=nul + piece.data))
        else:
            pieces.append(Piece(nul[: len(piece.data)] + b"\n"))
    return text.with_pieces(pieces)


def nul_inside(text: Text, rng: Random) -> Text:
    at = _place(text, rng)
    size = rng.choice((1, 16, 4096))
    return text.edited(at, min(text.size, at + size), b"\x00" * size)


def duplicates(text: Text, rng: Random) -> Text:
    pieces = list(text.pieces)
    for _ in range(rng.choice((1, 5, len(pieces))) if pieces else 0):
        piece = rng.choice(text.pieces)
        pieces.insert(rng.randint(0, len(pieces)) if piece.data.endswith(b"\n") else len(pieces), piece)
    return text.with_pieces(_ended(pieces))


def shuffled(text: Text, rng: Random) -> Text:
    """Each line at most some places from where it belongs, as when several buffers were flushed late."""
    reach = rng.choice((2, 10, 50))
    order = sorted(range(len(text.pieces)), key=lambda at: at + rng.random() * reach)
    return text.with_pieces(_ended([text.pieces[at] for at in order]))


def _ended(pieces: list[Piece]) -> list[Piece]:
    return [p if p.data.endswith(b"\n") else replace(p, data=p.data + b"\n") for p in pieces]


def _without(*events: bytes) -> TextDamage:
    def take_out(text: Text, rng: Random) -> Text:
        return text.with_pieces(p for p in text.pieces if not any(event in p.data[:60] for event in events))

    return take_out


def unknown_events(text: Text, rng: Random) -> Text:
    chosen = _some(text, rng)
    line = Piece(
        rng.choice(
            (
                b'{"Event":"SparkListenerOfTheFuture","x":{"y":[1,{}]}}\n',
                b'{"Event":"org.acme.Mine","Task ID":1}\n',
                b'{"Event":"SparkListenerMiscellaneousProcessAdded","time":1}\n',
            )
        )
    )
    return _before(text, chosen, line)


def _before(text: Text, chosen: set[int], new: Piece) -> Text:
    pieces = enumerate(text.pieces)
    return text.with_pieces(p for at, piece in pieces for p in ([new, piece] if at in chosen else [piece]))


def unknown_fields(text: Text, rng: Random) -> Text:
    """New fields at an event's end or right after its name."""

    def change(piece: Piece) -> Piece:
        body = piece.data.rstrip(b"\r\n")
        if not body.endswith(b"}") or not piece.whole or len(piece.whole) > 1:
            return piece
        end = piece.data[len(body) :]
        new = rng.choice((b'"Of The Future":{"a":[1,"}"]}', b'"Accumulables Of Old":[{"ID":1}]', b'"n":null'))
        comma = body.find(b",")
        if comma < 0 or rng.random() < 0.7 or not body.startswith(b'{"Event"'):
            return replace(piece, data=body[:-1] + b"," + new + b"}" + end)
        return replace(piece, data=body[:comma] + b"," + new + body[comma:] + end)

    chosen = _some(text, rng, 20)
    return text.with_pieces(change(piece) if at in chosen else piece for at, piece in enumerate(text.pieces))


def joined(text: Text, rng: Random) -> Text:
    """Two events on one line, both whole."""
    if len(text.pieces) < 2:
        return text
    at = rng.randrange(len(text.pieces) - 1)
    one, two = text.pieces[at], text.pieces[at + 1]
    both = Piece(
        one.data.rstrip(b"\r\n") + rng.choice((b"", b" ", b"\r")) + two.data,
        one.whole + two.whole,
        one.named + two.named,
    )
    return text.with_pieces([*text.pieces[:at], both, *text.pieces[at + 2 :]])


def torn(text: Text, rng: Random) -> Text:
    """A line cut anywhere, with the next event right behind it, whole: a lost flush."""
    if len(text.pieces) < 2:
        return text
    at = rng.randrange(len(text.pieces) - 1)
    one, two = text.pieces[at], text.pieces[at + 1]
    body = one.data.rstrip(b"\r\n")
    both = replace(two, data=body[: rng.randrange(max(1, len(body)))] + two.data)
    return text.with_pieces([*text.pieces[:at], both, *text.pieces[at + 2 :]])


TEXT: Mapping[str, TextDamage] = {
    "cut at any byte": truncate,
    "a line broken in the middle": break_line,
    "bytes flipped": flip,
    "bytes removed": remove,
    "bytes inserted": insert,
    "NaN, Infinity, wrong types": no_numbers,
    "invalid UTF-8": invalid_utf8,
    "CRLF": crlf,
    "blank lines": blank_lines,
    "NUL runs at lines": nul_runs,
    "NUL runs anywhere": nul_inside,
    "duplicate events": duplicates,
    "events out of order": shuffled,
    "no ApplicationStart": _without(b'"SparkListenerApplicationStart"'),
    "no LogStart": _without(b'"SparkListenerLogStart"'),
    "no ApplicationEnd": _without(b'"SparkListenerApplicationEnd"'),
    "no JobStart": _without(b'"SparkListenerJobStart"'),
    "no StageSubmitted, no StageCompleted": _without(b'"SparkListenerStage'),
    "unknown events": unknown_events,
    "unknown fields": unknown_fields,
    "two events on one line": joined,
    "a torn line before a whole one": torn,
}


@dataclass(frozen=True, slots=True)
class Stored:
    """A file as it is stored, and the text that must come out of it."""

    data: bytes
    text: Text
    suffix: str = ""


CONTAINERS: Mapping[str, Container | None] = {
    "plain": None,
    "zstd": ZSTD,
    "zstd with checksums": ZSTD_CHECKED,
    "gzip": GZIP,
    "lz4": LZ4,
    "snappy": SNAPPY,
    "lzf": LZF,
}
_MOST_IN_A_UNIT = {"lzf": 60_000}
HEADERS: Mapping[str, int] = {".zstd": 4, ".gzip": 10, ".lz4": 8, ".snappy": 16, ".lzf": 2}
"""By suffix, how many of a file's first bytes say nothing that its other bytes do not say."""

Units = list[tuple[int, int, int, int]]
"""Where each unit of a file begins and ends in the file and in the text."""


def stored(text: Text, container: str, rng: Random) -> tuple[Stored, Units]:
    """The text in a container, and its units."""
    data = text.data
    kind = CONTAINERS[container]
    if kind is None:
        return Stored(data, text), [(0, len(data), 0, len(data))]
    size = min(rng.choice((700, 5_000, 32_768, 200_000)), _MOST_IN_A_UNIT.get(container, 1 << 20))
    pieces, at = [], 0
    while at < len(data):
        step = rng.randint(size // 2, size)
        pieces.append(data[at : at + step])
        at += step
    file, places = kind.write(pieces)
    units, at = [], 0
    for piece, (begin, end) in zip(pieces, places, strict=True):
        units.append((begin, end, at, at + len(piece)))
        at += len(piece)
    return Stored(file, text, "." + kind.name), units


def damage_somewhere(how: str, file: Stored, units: Units, rng: Random) -> Stored:
    """The stored file with some bytes changed."""
    begin = rng.randrange(max(1, min(len(file.data), rng.choice((20, 1 << 40, 1 << 40, 1 << 40)))))
    return changed(file, units, how, begin, rng.choice((1, 1, 4, 40, 600)), rng)


def damage_beginning(how: str, file: Stored, units: Units, rng: Random) -> Stored:
    """The stored file with some of its first 16 bytes changed, or of the few in which nothing of the log stands."""
    header = HEADERS.get(file.suffix, 0)
    within = rng.choice((header or 16, 16))
    begin = rng.randrange(within)
    found = changed(file, units, how, begin, rng.randint(1, within - begin), rng)
    return replace(found, text=file.text) if within == header else found


def changed(file: Stored, units: Units, how: str, begin: int, size: int, rng: Random) -> Stored:
    """The stored file with `size` bytes from `begin` on cut, flipped, zeroed, removed, or so many inserted there; lines
    that lie in untouched units must still come out."""
    end = min(len(file.data), begin + size)
    if how == "cut":
        end, put = len(file.data), b""
    elif how == "flipped":
        put = bytes(byte ^ rng.randint(1, 255) for byte in file.data[begin:end])
    elif how == "zeroed":
        put = b"\x00" * (end - begin)
    elif how == "removed":
        put = b""
    else:
        end, put = begin, rng.randbytes(size)
    data = file.data[:begin] + put + file.data[end:]
    ranges = [(a, b) for start, stop, a, b in units if stop <= begin or start >= max(end, begin + 1)]
    return replace(file, data=data, text=file.text.undamaged_in(ranges))


HOW = ("flipped", "zeroed", "removed", "inserted")
BYTES: Mapping[str, Callable[[Stored, Units, Random], Stored]] = {
    **{f"stored bytes {how}": partial(damage_somewhere, how) for how in ("cut", *HOW)},
    **{f"first stored bytes {how}": partial(damage_beginning, how) for how in HOW},
}
