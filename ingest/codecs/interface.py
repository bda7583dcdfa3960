"""The codec interface: a compressed file in, decompressed bytes and gaps out.

A codec never raises because of damaged data. Damage is a `Gap` in the stream, at the place where bytes are missing, so
that the reader can report it and continue. A codec raises only `LimitExceeded` and the errors of the file's own `read`
(an OSError of the disk or the object store).
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
    """How far a compressed file may expand before it counts as a decompression bomb.

    Attributes:
        max_ratio: Decompressed bytes per compressed byte read so far.
        max_output_bytes: Decompressed bytes in all, None for no bound.
        floor_bytes: Below this many decompressed bytes the ratio is not checked.
        max_damaged_places: After more than these the rest of the file is not read. Each one costs a search and a few
            decoding attempts. A log on a bad disk has a handful; thousands indicate a malicious file or no log at all.
    """

    max_ratio: int = 1000
    max_output_bytes: int | None = None
    floor_bytes: int = 64 * 2**20
    max_damaged_places: int = 10_000

    def check(self, what: str, output_bytes: int, consumed_bytes: int) -> None:
        """Check the output of `what` so far against the bytes read.

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
        """Decompress the file that begins at the position of `raw`. Only `raw.read(n)` is used.

        Yields:
            Chunks of decompressed bytes, none empty and none above 4 MiB, and a `Gap` where bytes are missing.

        Raises:
            LimitExceeded: the file expands to more than `limits` allow.
            OSError: `raw` could not be read.
        """

    def repairs(self, head: bytes) -> Iterator[tuple[bytes, int]]:
        """Possible original beginnings of a file whose first bytes (up to 16) are damaged, lost or extra.

        Only the container's constant bytes can be repaired. Decoding shows whether a repair is correct.

        Yields:
            The bytes, and how many of the first bytes of `head` they replace; most likely first.
        """
