"""What every codec promises, whatever the data and however the file is read, cut or damaged."""

from __future__ import annotations

import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .codec_encoders import CONTAINERS, LZ4, Container, decoded

LINE = '{"Event":"SparkListenerTaskEnd","Stage ID":%d,"Task Info":{"Task ID":%d,"Launch Time":%d}}\n'


def log_lines(seed: int, count: int) -> bytes:
    """Lines like those of an event log."""
    numbers = random.Random(seed)
    return "".join(
        LINE % (numbers.randrange(9), numbers.randrange(10**5), numbers.randrange(10**12)) for _ in range(count)
    ).encode()


TEXT = st.builds(log_lines, st.integers(0, 2**32), st.integers(1, 300))
PIECE = st.one_of(TEXT, TEXT, st.binary(min_size=1, max_size=400), st.builds(bytes, st.integers(1, 3000)))
SIZES = st.lists(st.one_of(st.integers(1, 50), st.integers(1, 1 << 17)), min_size=1, max_size=5)
container = pytest.mark.parametrize("container", CONTAINERS, ids=lambda each: each.unit.__name__)


@container
@settings(deadline=None)
@given(pieces=st.lists(PIECE, max_size=8), sizes=SIZES)
def test_everything_comes_back_however_the_file_is_read(
    container: Container, pieces: list[bytes], sizes: list[int]
) -> None:
    data, _ = container.write(pieces)
    if not data:
        return
    result = decoded(container.name, data, sizes)
    assert result.data == b"".join(pieces)
    assert result.gaps == []


@container
@settings(deadline=None)
@given(pieces=st.lists(TEXT, min_size=1, max_size=5), where=st.floats(0, 1), sizes=SIZES)
def test_a_file_cut_anywhere_gives_what_is_whole_and_says_so(
    container: Container, pieces: list[bytes], where: float, sizes: list[int]
) -> None:
    data, places = container.write(pieces)
    cut = int(where * (len(data) - 1))
    result = decoded(container.name, data[:cut], sizes)
    whole = b"".join(piece for piece, (_, end) in zip(pieces, places, strict=True) if end <= cut)
    assert result.data.startswith(whole)
    assert b"".join(pieces).startswith(result.data)
    edges = {len(container.head), *(end for _, end in places)}
    if container is not LZ4 and cut in {0, *edges}:
        assert all(gap.truncated for gap in result.gaps)
    else:
        assert [(gap.truncated, gap.resumed_at) for gap in result.gaps] == [(True, None)]
        assert result.gaps[0].offset <= cut
        assert result.items[-1] == result.gaps[0]


@container
@settings(deadline=None)
@given(
    pieces=st.lists(TEXT, min_size=2, max_size=6),
    where=st.floats(0, 1),
    length=st.one_of(st.integers(0, 8), st.integers(0, 3000)),
    noise=st.one_of(
        st.just(b""), st.binary(max_size=8), st.binary(max_size=2000), st.builds(bytes, st.integers(1, 4000))
    ),
)
def test_damage_anywhere_costs_only_what_it_touches(
    container: Container, pieces: list[bytes], where: float, length: int, noise: bytes
) -> None:
    data, places = container.write(pieces)
    first = int(where * len(data))
    last = min(first + length, len(data))
    result = decoded(container.name, data[:first] + noise + data[last:])
    before = b"".join(piece for piece, (_, end) in zip(pieces, places, strict=True) if end <= first)
    after = b"".join(piece for piece, (begin, _) in zip(pieces, places, strict=True) if begin >= last)
    assert result.data.startswith(before)
    assert result.data.endswith(after)
    if container is LZ4:
        touched = [piece for piece, (begin, end) in zip(pieces, places, strict=True) if end > first and begin < last]
        middle = result.data[len(before) : len(result.data) - len(after)]
        assert any(middle == b"".join(some) for n in range(len(touched) + 1) for some in combinations(touched, n))


@container
@settings(deadline=None)
@given(data=st.binary(max_size=3000))
def test_noise_never_raises(container: Container, data: bytes) -> None:
    result = decoded(container.name, container.head + data)
    assert all(0 <= gap.offset <= len(container.head) + len(data) for gap in result.gaps)


@container
def test_gaps_stand_between_what_is_before_and_after_them(container: Container) -> None:
    pieces = [log_lines(seed, 200) for seed in range(5)]
    data, places = container.write(pieces)
    broken = bytearray(data)
    begin, end = places[2]
    broken[begin : begin + 40] = b"\x07" * 40
    result = decoded(container.name, bytes(broken))
    assert result.data == b"".join(pieces[:2] + pieces[3:])
    (gap,) = result.gaps
    assert (gap.offset, gap.resumed_at, gap.truncated) == (begin, end, False)
    given_before = result.items[: result.items.index(gap)]
    assert b"".join(item for item in given_before if isinstance(item, bytes)) == b"".join(pieces[:2])
