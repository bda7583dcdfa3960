"""Cutting a byte stream into lines does not depend on how it came in, or on who reads which range."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from afterglow.ingest.decode import Damage, Lines, split_lines
from afterglow.schemas.issues import ImportIssue

LINES = st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b".")), max_size=20)


def chunked(data: bytes, sizes: list[int]) -> list[bytes]:
    chunks, at = [], 0
    for size in [*sizes, len(data)]:
        if data[at : at + size]:
            chunks.append(data[at : at + size])
        at += size
    return chunks


def cut(batches: list[Lines]) -> list[tuple[int, bytes]]:
    found = []
    for batch in batches:
        at = batch.offset
        for line in batch.lines:
            found.append((at, line))
            at += len(line) + 1
    return found


def expected(data: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 0
    parts = data.split(b"\n")
    for line in parts[:-1] + ([parts[-1]] if parts[-1] else []):
        found.append((at, line))
        at += len(line) + 1
    return found


@given(lines=LINES, ended=st.booleans(), sizes=st.lists(st.integers(1, 40), max_size=30))
def test_any_chunking_gives_the_same_lines(lines: list[bytes], ended: bool, sizes: list[int]) -> None:
    data = b"\n".join(lines) + (b"\n" if ended and lines else b"")
    issues: list[ImportIssue] = []
    assert cut(list(split_lines(chunked(data, sizes), issues.append))) == expected(data)
    assert not issues


@given(lines=LINES, sizes=st.lists(st.integers(1, 40), max_size=30), at=st.lists(st.integers(0, 400), max_size=4))
def test_ranges_side_by_side_give_every_line_once(lines: list[bytes], sizes: list[int], at: list[int]) -> None:
    data = b"".join(line + b"\n" for line in lines)
    bounds = sorted({0, len(data), *(min(a, len(data)) for a in at)})
    found = []
    for start, end in pairwise(bounds):
        chunks = chunked(data[max(start - 1, 0) :], sizes)
        found += cut(list(split_lines(chunks, lambda issue: None, start=start, end=end)))
    assert found == expected(data)


@given(lines=LINES, sizes=st.lists(st.integers(1, 40), max_size=30), limit=st.integers(0, 30))
def test_a_line_that_is_too_long_is_reported_and_nothing_else_is_lost(
    lines: list[bytes], sizes: list[int], limit: int
) -> None:
    data = b"".join(line + b"\n" for line in lines)
    issues: list[ImportIssue] = []
    batches = list(split_lines(chunked(data, sizes), issues.append, max_line_bytes=limit))
    assert cut(batches) == [pair for pair in expected(data) if len(pair[1]) <= limit]
    assert [issue.line for issue in issues] == [n for n, line in enumerate(lines, 1) if len(line) > limit]


def test_damage_ends_the_line_and_is_reported_where_it_is() -> None:
    issues: list[ImportIssue] = []
    batches = list(split_lines([b"one\ntw", Damage("stream_damaged", "x"), b"rest\nthree\n"], issues.append))
    assert [line for _, line in cut(batches)] == [b"one", b"tw", b"rest", b"three"]
    assert [(issue.code, issue.line) for issue in issues] == [("stream_damaged", 3)]
