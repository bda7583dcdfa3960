"""A zstd file of some kilobytes that expands to many gigabytes of zeros."""

import struct
from pathlib import Path

_BLOCK_BYTES = 128 << 10
_BLOCKS_PER_FRAME = 8192


def write(path: Path, expands_to: int) -> int:
    """Writes frames of RLE blocks (RFC 8878, section 3.1.1.2): 4 bytes for 128 KiB of zeros each. The file's size."""
    header = b"\x28\xb5\x2f\xfd" + bytes([0, 7 << 3])  # no content size, no checksum, a window of 128 KiB
    blocks = [struct.pack("<I", _BLOCK_BYTES << 3 | 1 << 1)[:3] + b"\x00" for _ in range(_BLOCKS_PER_FRAME)]
    blocks[-1] = struct.pack("<I", _BLOCK_BYTES << 3 | 1 << 1 | 1)[:3] + b"\x00"
    frame = header + b"".join(blocks)
    frames = -(-expands_to // (_BLOCK_BYTES * _BLOCKS_PER_FRAME))
    with path.open("wb") as file:
        for _ in range(frames):
            file.write(frame)
    return path.stat().st_size
