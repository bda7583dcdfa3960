"""What is peculiar to gzip, lz4, snappy, lzf and plain files, and how a format is recognised."""

from __future__ import annotations

import gzip
import io
import itertools
import random
import struct
import zlib
from typing import BinaryIO, cast

import pytest

from afterglow.ingest.codecs import CODECS, Gap, LimitExceeded, Limits, detect, open_stream

from .codec_encoders import (
    CONTAINERS,
    LZ4_END,
    SNAPPY_HEADER,
    Container,
    Dribble,
    decoded,
    gzip_member,
    lz4_block,
    lzf_chunk,
    snappy_chunk,
    split,
)


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes that do not compress."""
    return random.Random(seed).randbytes(size)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"", "plain"),
        (b"{", "plain"),
        (b'{"Event":"SparkListenerLogStart"', "plain"),
        (b'\xef\xbb\xbf{"Event"', "plain"),
        ('\ufeff{"Event"'.encode("utf-16-le"), "plain"),
        ('\ufeff{"Event"'.encode("utf-16-be"), "plain"),
        (b"ZVI is a text", "plain"),
        (b"LZ4Bloc", "plain"),
        (b"PK\x03\x04 and the rest", "zip"),
        (b"PK\x05\x06" + bytes(18), "zip"),
        (b"\x50\x2a\x4d\x18\x04\x00\x00\x00", "zstd"),
        (b"\x5f\x2a\x4d\x18\x04\x00\x00\x00", "zstd"),
    ],
)
def test_the_format_is_known_by_its_magic(head: bytes, name: str) -> None:
    assert detect(head) == name


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda each: each.unit.__name__)
def test_a_stream_is_opened_by_its_content(container: Container) -> None:
    data, _ = container.write([b"one\n", b"two\n"])
    for sizes in ((1,), (3, 20), (1 << 20,)):
        name, items = open_stream(cast(BinaryIO, Dribble(data, sizes)))
        assert (name, b"".join(cast("list[bytes]", list(items)))) == (container.name, b"one\ntwo\n")


def test_plain_bytes_pass_as_they_are() -> None:
    data = b'{"Event":"SparkListenerLogStart"}\n' * 100_000
    name, items = open_stream(io.BytesIO(data))
    assert (name, b"".join(cast("list[bytes]", list(items)))) == ("plain", data)
    name, items = open_stream(io.BytesIO(b""))
    assert (name, list(items)) == ("plain", [])
    _, items = open_stream(io.BytesIO(data), Limits(max_output_bytes=2 << 20))
    with pytest.raises(LimitExceeded, match="2,097,152"):
        list(items)


@pytest.mark.parametrize("data", [noise(3 << 20), bytes(5 << 20), b"\x01" * 5000, b"\xff" * 5000, b"\x28\xb5" * 5000])
def test_what_is_no_log_at_all_passes_too_after_a_word(data: bytes) -> None:
    name, items = open_stream(io.BytesIO(data))
    gap, *chunks = items
    assert (name, b"".join(cast("list[bytes]", chunks))) == ("plain", data)
    assert isinstance(gap, Gap)
    assert (gap.offset, gap.resumed_at) == (0, 0)
    assert data[:4].hex(" ") in gap.reason


def test_a_zip_archive_is_not_taken_for_a_log() -> None:
    name, items = open_stream(io.BytesIO(b"PK\x03\x04" + bytes(40)))
    (gap,) = items
    assert name == "zip"
    assert isinstance(gap, Gap)


def test_what_the_disk_says_is_not_swallowed() -> None:
    class Failing(Dribble):
        def read(self, size: int = -1, /) -> bytes:
            part = super().read(size)
            if not part:
                raise PermissionError("the disk says no")
            return part

    for container in CONTAINERS:
        data, _ = container.write([noise(50_000)])
        codec = next(codec for codec in CODECS if codec.name == container.name)
        with pytest.raises(PermissionError, match="the disk says no"):
            list(codec.decode(cast(BinaryIO, Failing(data[:-1], (1000,))), Limits()))


def test_gzip_says_that_a_checksum_does_not_match_after_giving_the_data() -> None:
    member = gzip_member(b"some text")
    for at, what in ((-8, "checksum"), (-4, "length")):
        broken = bytearray(member)
        broken[at] ^= 1
        result = decoded("gzip", bytes(broken) + gzip_member(b" and more"))
        assert result.data == b"some text and more"
        (gap,) = result.gaps
        assert what in gap.reason
        assert gap.resumed_at == len(member)
        assert result.items[1] == gap


def test_gzip_gives_all_that_stands_before_damage_in_a_member() -> None:
    data = noise(100_000)
    stored = zlib.compressobj(0, zlib.DEFLATED, 31)
    member = bytearray(stored.compress(data) + stored.flush(zlib.Z_FULL_FLUSH))
    result = decoded("gzip", bytes(member) + b"\x07" + gzip_member(b"next"))
    assert result.data == data + b"next"
    assert [(gap.offset, gap.resumed_at) for gap in result.gaps] == [(len(member), len(member) + 1)]


def test_gzip_allows_zeros_as_padding_and_names_other_rubbish() -> None:
    member = gzip_member(b"text")
    assert decoded("gzip", member + bytes(100) + member + bytes(5000)).gaps == []
    (gap,) = decoded("gzip", member + b"rubbish").gaps
    assert (gap.offset, gap.resumed_at, gap.truncated) == (len(member), None, False)


def test_gzip_bombs_are_refused() -> None:
    bomb = gzip.compress(bytes(1 << 26), 9)
    with pytest.raises(LimitExceeded, match="--max-ratio"):
        decoded("gzip", bomb * 640)


def test_false_gzip_members_are_given_up() -> None:
    result = decoded("gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xff" * 20_000)
    assert "10,000 damaged places" in result.gaps[-1].reason


def test_lz4_streams_may_follow_each_other_and_must_end() -> None:
    one, two = lz4_block(b"one" * 50), lz4_block(b"two")
    assert decoded("lz4", one + LZ4_END + two + LZ4_END).gaps == []
    assert decoded("lz4", one + LZ4_END + two + LZ4_END).data == b"one" * 50 + b"two"
    (gap,) = decoded("lz4", one + LZ4_END + two).gaps
    assert (gap.offset, gap.truncated) == (len(one + LZ4_END + two), True)
    (gap,) = decoded("lz4", one + LZ4_END + b"rubbish, longer than a header").gaps
    assert (gap.offset, gap.truncated) == (len(one + LZ4_END), False)


def test_a_single_flipped_bit_in_lz4_is_found() -> None:
    pieces = [noise(1000, seed) for seed in range(50)]
    blocks = [lz4_block(piece) for piece in pieces]
    blocks[20] = blocks[20][:500] + bytes([blocks[20][500] ^ 1]) + blocks[20][501:]
    blocks[21] = blocks[21][:700] + bytes([blocks[21][700] ^ 128]) + blocks[21][701:]
    result = decoded("lz4", b"".join(blocks) + LZ4_END)
    assert result.data == b"".join(pieces[:20] + pieces[22:])
    begin = sum(map(len, blocks[:20]))
    assert result.gaps == [
        Gap(begin, begin + len(blocks[20] + blocks[21]), "lz4 block checksum does not match", truncated=False)
    ]


def test_lz4_blocks_of_any_size_are_verified() -> None:
    piece = bytes(1 << 20) + noise(100)
    assert decoded("lz4", lz4_block(piece) + LZ4_END).data == piece
    wrong = decoded("lz4", lz4_block(piece, checksum=0) + LZ4_END)
    assert wrong.data == b"" and "checksum" in wrong.gaps[0].reason


def test_the_snappy_header_may_come_again() -> None:
    file = SNAPPY_HEADER + snappy_chunk(b"one" * 50)
    result = decoded("snappy", file + file + SNAPPY_HEADER)
    assert (result.data, result.gaps) == (b"one" * 100, [])


def test_snappy_goes_on_at_a_chunk_or_a_header_and_over_a_hole_in_the_file() -> None:
    chunks = [snappy_chunk(noise(3000, seed)) for seed in range(4)]
    hole = bytes(3_000_000)
    for between in (hole, hole + SNAPPY_HEADER, b"\x01\x02" * 500, b"\xff" * 500):
        result = decoded("snappy", SNAPPY_HEADER + chunks[0] + between + chunks[1] + chunks[2])
        assert result.data == b"".join(noise(3000, seed) for seed in range(3))
        assert len(result.gaps) == 1


def test_a_snappy_chunk_that_lost_a_byte_and_decodes_does_not_cost_the_next_one() -> None:
    chunks = [snappy_chunk(noise(50, seed)) for seed in range(3)]
    result = decoded("snappy", SNAPPY_HEADER + chunks[0][:20] + chunks[0][21:] + chunks[1] + chunks[2])
    assert result.data == noise(50, 0)[:14] + noise(50, 0)[15:] + b"\x00" + noise(50, 1) + noise(50, 2)
    assert len(result.gaps) == 1


def test_lzf_copies_that_overlap_what_they_make() -> None:
    data = b"ab" * 20_000 + b"a" * 1000 + b"xyz" * 999
    assert decoded("lzf", b"".join(map(lzf_chunk, split(data, [65_535, 100])))).data == data


@pytest.mark.parametrize("content", [b"\x20\x00", b"\x05ab", b"\xe0", b"\x00a\xe0\x01", b"\x00a\x20\x05", b"\x00ab"])
def test_broken_lzf_is_named(content: bytes) -> None:
    chunk = b"ZV\x01" + struct.pack(">HH", len(content), 2) + content
    result = decoded("lzf", chunk + lzf_chunk(b"next"))
    assert result.data == b"next"
    assert [(gap.offset, gap.resumed_at) for gap in result.gaps] == [(0, len(chunk))]


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda each: each.unit.__name__)
def test_limits_hold_for_every_codec(container: Container) -> None:
    data, _ = container.write([bytes(60_000)] * 20)
    with pytest.raises(LimitExceeded, match="max_output_bytes"):
        decoded(container.name, data, limits=Limits(max_output_bytes=1_000_000))
    with pytest.raises(LimitExceeded, match="--max-ratio"):
        decoded(container.name, data, limits=Limits(max_ratio=2, floor_bytes=1000))
    assert len(decoded(container.name, data, limits=Limits(max_ratio=2)).data) == 1_200_000


def test_chunks_are_large_enough_to_be_worth_passing_on() -> None:
    for container in CONTAINERS[3:]:
        data, _ = container.write([noise(10_000)] * 400)
        items = decoded(container.name, data).items
        assert len(items) <= 5
        assert all(len(item) >= 1 << 20 for item in itertools.islice(items, len(items) - 1) if isinstance(item, bytes))
