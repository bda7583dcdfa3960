"""Undo the three of Spark's codecs that are chunks in a frame of their own: lz4-java, snappy-java, compress-lzf."""

from collections.abc import Callable
from typing import Literal

import pyarrow as pa

LZ4_MAGIC = b"LZ4Block"
SNAPPY_MAGIC = b"\x82SNAPPY\x00"
LZF_MAGIC = b"ZV"


def decompress_lz4(data: bytes) -> bytes:
    """Blocks of net.jpountz.lz4.LZ4BlockOutputStream: magic, token, three little-endian int32, bytes."""
    out, at = [], 0
    while at < len(data):
        token, packed, size = data[at + 8], _little(data, at + 9), _little(data, at + 13)
        block, at = data[at + 21 : at + 21 + packed], at + 21 + packed
        out.append(block if token & 0xF0 == 0x10 or not size else _arrow("lz4_raw", block, size))
    return b"".join(out)


def decompress_snappy(data: bytes) -> bytes:
    """Chunks of org.xerial.snappy.SnappyOutputStream: a header of 16 bytes (it may repeat), big-endian int32, bytes."""
    out, at = [], 0
    while at < len(data):
        if data.startswith(SNAPPY_MAGIC, at):
            at += 16
            continue
        packed = int.from_bytes(data[at : at + 4], "big")
        block, at = data[at + 4 : at + 4 + packed], at + 4 + packed
        out.append(_arrow("snappy", block, _varint(block)))
    return b"".join(out)


def decompress_lzf(data: bytes) -> bytes:
    """Chunks of com.ning.compress.lzf.LZFOutputStream: "ZV", type, big-endian uint16, for type 1 another one, bytes."""
    out, at = [], 0
    while at < len(data):
        length, head = int.from_bytes(data[at + 3 : at + 5], "big"), 7 if data[at + 2] else 5
        block, packed, at = data[at + head : at + head + length], data[at + 2], at + head + length
        out.append(_lzf(block) if packed else block)
    return b"".join(out)


DECOMPRESS: dict[bytes, tuple[str, Callable[[bytes], bytes]]] = {
    LZ4_MAGIC: ("lz4", decompress_lz4),
    SNAPPY_MAGIC: ("snappy", decompress_snappy),
    LZF_MAGIC: ("lzf", decompress_lzf),
}


def _arrow(codec: Literal["lz4_raw", "snappy"], block: bytes, size: int) -> bytes:
    return bytes(pa.Codec(codec).decompress(block, decompressed_size=size, asbytes=True))


def _little(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little")


def _varint(block: bytes) -> int:
    """The size that stands before a raw snappy block, seven bits a byte, lowest first."""
    value = 0
    for place, byte in enumerate(block):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            break
    return value


def _lzf(block: bytes) -> bytes:
    """LibLZF: a control byte below 32 heads a literal run, any other a back reference of 3 to 264 bytes."""
    out, at = bytearray(), 0
    while at < len(block):
        control, at = block[at], at + 1
        if control < 32:
            out += block[at : at + control + 1]
            at += control + 1
            continue
        length = control >> 5
        if length == 7:
            length, at = length + block[at], at + 1
        start, at = len(out) - ((control & 31) << 8) - block[at] - 1, at + 1
        for offset in range(start, start + length + 2):  # byte by byte: it may overlap what it writes
            out.append(out[offset])
    return bytes(out)
