"""Zstd as Spark writes it, as other tools write it, and as it is found on disks."""

from __future__ import annotations

import random
import struct

import pytest

from afterglow.ingest.codecs import LimitExceeded, Limits

from .codec_encoders import decoded, zstd_frame

BLOCK_BYTES = 128 << 10
SKIPPABLE = b"\x53\x2a\x4d\x18" + struct.pack("<I", 70_000) + bytes(70_000)
# A frame header without checksum and content size, and the descriptor of a window of 1 MiB.
HEADER = b"\x28\xb5\x2f\xfd\x00\x50"


def text(size: int, seed: int = 0) -> bytes:
    """Numbers in lines: compressible, but not to nothing."""
    numbers = random.Random(seed)
    return b"".join(b'{"Task ID":%d}\n' % numbers.randrange(10**9) for _ in range(size // 15))


def block(kind: int, size: int, content: bytes, last: bool = False) -> bytes:
    """A block by its header: 0 raw, 1 RLE, 2 compressed, 3 reserved."""
    return (size << 3 | kind << 1 | last).to_bytes(3, "little") + content


def block_ends(frame: bytes, header_bytes: int) -> list[int]:
    """Where in a frame its blocks end."""
    ends = []
    at = header_bytes
    last = False
    while not last:
        header = int.from_bytes(frame[at : at + 3], "little")
        last = bool(header & 1)
        at += 3 + (1 if header >> 1 & 3 == 1 else header >> 3)
        ends.append(at)
    return ends


def test_skippable_frames_are_skipped_wherever_they_stand() -> None:
    data = SKIPPABLE + zstd_frame(b"one") + SKIPPABLE + SKIPPABLE + zstd_frame(b"two") + SKIPPABLE
    result = decoded("zstd", data)
    assert (result.data, result.gaps) == (b"onetwo", [])
    (gap,) = decoded("zstd", data[:-1]).gaps
    assert gap.truncated


def test_of_a_long_frame_that_was_cut_all_whole_blocks_are_read() -> None:
    data = text(2_000_000)
    for options in ({}, {"checksum": True, "size": True}):
        frame = zstd_frame(data, **options)
        ends = block_ends(frame, 10 if options else 6)
        for index in (0, 3, len(ends) - 2):
            result = decoded("zstd", frame[: ends[index] + 2])
            assert result.data == data[: (index + 1) * BLOCK_BYTES]
            assert [(gap.offset, gap.truncated) for gap in result.gaps] == [(ends[index], True)]


def test_blocks_before_a_broken_one_are_read_and_so_is_the_next_frame() -> None:
    data = text(2_000_000)
    frame = zstd_frame(data)
    ends = block_ends(frame, 6)
    for at in (ends[5], ends[5] + 1, ends[5] + 2):
        broken = bytearray(frame)
        broken[at] = 0xFF
        result = decoded("zstd", zstd_frame(b"first") + bytes(broken) + zstd_frame(b"last"))
        assert result.data.startswith(b"first" + data[: 6 * BLOCK_BYTES])
        assert result.data.endswith(b"last")
        assert len(result.gaps) == 1
        assert result.gaps[0].resumed_at == len(zstd_frame(b"first")) + len(frame)


def test_a_checksum_that_is_there_is_verified() -> None:
    frame = zstd_frame(b"some text", checksum=True)
    result = decoded("zstd", frame[:-1] + bytes([frame[-1] ^ 1]) + zstd_frame(b"more"))
    assert result.data == b"some textmore"
    (gap,) = result.gaps
    assert (gap.offset, gap.resumed_at) == (len(frame) - 4, len(frame))
    assert gap.reason == "zstd checksum does not match"


def test_a_length_that_swallows_the_next_frames_does_not_cost_them() -> None:
    frame = HEADER + block(0, 5, b"first", last=True)
    swallowing = HEADER + block(0, 500, b"first", last=False)
    frames = [zstd_frame(text(300, seed)) for seed in range(6)]
    assert decoded("zstd", frame).data == b"first"
    result = decoded("zstd", swallowing + b"".join(frames))
    assert result.data.endswith(b"".join(text(300, seed) for seed in range(6)))
    assert [(gap.offset, gap.resumed_at) for gap in result.gaps] == [(len(swallowing), len(swallowing))]


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"\x28\xb5\x2f\xfd\x00\x98" + block(0, 1, b"x", last=True), "128 MiB"),
        (b"\x28\xb5\x2f\xfd\x08\x50" + block(0, 1, b"x", last=True), "header"),
        (HEADER + block(3, 1, b"x", last=True), "block header"),
        (HEADER + block(0, 200_000, bytes(200_000), last=True), "block header"),
        (HEADER + block(2, 9, b"\xff" * 9, last=True), "does not decode"),
        (b"no frame at all", "no zstd frame"),
    ],
)
def test_what_is_wrong_with_a_frame_is_said(frame: bytes, reason: str) -> None:
    result = decoded("zstd", frame + zstd_frame(b"next"))
    assert result.data == b"next"
    (gap,) = result.gaps
    assert reason in gap.reason
    assert gap.resumed_at == len(frame)


def test_forty_gigabytes_of_zeros_are_refused() -> None:
    bomb = HEADER + block(1, BLOCK_BYTES, b"\x00") * 327_680
    with pytest.raises(LimitExceeded, match="--max-ratio"):
        decoded("zstd", bomb)
    assert len(decoded("zstd", bomb[:2000], limits=Limits(max_ratio=10**6)).data) == 498 * BLOCK_BYTES


def test_a_file_made_of_false_starts_is_given_up() -> None:
    for data in (
        (HEADER + block(2, 5, b"\xff" * 5)) * 100_000,
        HEADER + block(0, 6, HEADER) * 100_000 + block(3, 0, b""),
        (HEADER + block(0, 1, b"x", last=True) + b"!") * 50_000,
    ):
        result = decoded("zstd", data)
        assert result.gaps[-1].resumed_at is None
