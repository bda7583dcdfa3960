"""What every codec takes and gives: a compressed file in, decompressed bytes and gaps out.

A codec never raises for what is wrong with the data. Damage is a `Gap` in the stream, at the place where bytes are
missing, so that the reader can say where it is and go on. Two exceptions may leave a codec: `LimitExceeded`, and
whatever the file's own `read` raises (an OSError of the disk or of an object store).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol


@dataclass(frozen=True)
class Gap:
    """A place where bytes are missing from the decompressed stream.

    Attributes:
        offset: Byte offset in the compressed file where the damage begins.
        resumed_at: Byte offset in the compressed file at which reading went on, None if nothing more could be read. The
            same as `offset` where nothing was passed over; what was given right before the gap is then doubtful.
        reason: What is wrong, in a few words.
        truncated: True when the file simply ends early: a killed driver, or a copy under way.
    """

    offset: int
    resumed_at: int | None
    reason: str
    truncated: bool


@dataclass(frozen=True)
class Limits:
    """How much a compressed file may expand to before it is taken for a bomb.

    Attributes:
        max_ratio: Decompressed bytes per compressed byte read so far.
        max_output_bytes: Decompressed bytes in all, None for no bound.
        floor_bytes: Below this many decompressed bytes the ratio is not looked at.
        max_damaged_places: After more than these the rest of the file is not read. Each costs a search and a few
            attempts to decode what was found; a log on a bad disk has a handful, and thousands mean a file made to keep
            us busy, or no log at all.
    """

    max_ratio: int = 1000
    max_output_bytes: int | None = None
    floor_bytes: int = 64 * 2**20
    max_damaged_places: int = 10_000

    def check(self, what: str, output_bytes: int, consumed_bytes: int) -> None:
        """Compare what came out of `what` so far with what was read of it.

        Raises:
            LimitExceeded: it is more than allowed.
        """
        if self.max_output_bytes is not None and output_bytes > self.max_output_bytes:
            raise LimitExceeded(
                f"{what} holds more than the {self.max_output_bytes:,} decompressed bytes allowed (max_output_bytes)"
            )
        if output_bytes > self.floor_bytes and output_bytes > self.max_ratio * consumed_bytes:
            raise LimitExceeded(
                f"{what} expands to more than {self.max_ratio:,} times its size ({output_bytes:,} bytes from the first "
                f"{consumed_bytes:,}) and may be a decompression bomb; if it is not, raise --max-ratio"
            )


DEFAULT_LIMITS = Limits()


class LimitExceeded(Exception):
    """The file expands to more than `Limits` allows."""


class Codec(Protocol):
    """One container format. The modules of this package are the implementations."""

    name: str

    def matches(self, head: bytes) -> bool:
        """Tell from the first bytes of a file (16 are enough) whether it is in this format."""

    def decode(self, raw: BinaryIO, limits: Limits) -> Iterator[bytes | Gap]:
        """Decompress the file that begins where `raw` stands; only `raw.read(n)` is used.

        Yields:
            Chunks of decompressed bytes, none empty and none above 4 MiB, and a `Gap` where bytes are missing.

        Raises:
            LimitExceeded: the file expands to more than `limits` allow.
            OSError: `raw` could not be read.
        """

    def repairs(self, head: bytes) -> Iterator[tuple[bytes, int]]:
        """How a file of which up to 16 of the first bytes are damaged, lost or too many may have begun.

        Only what the container itself says can be put right; whether a repair is the right one, decoding must tell.

        Yields:
            Bytes, and how many of the first ones of `head` they take the place of; the likeliest first.
        """
