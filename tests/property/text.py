"""A log's text with a memory of which original line each piece is, so that after damage one knows what is intact."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Piece:
    """One line with its newline, as it stands in the log.

    `whole` is the original line that it holds undamaged; `named` the one of which it holds enough that its row must
    be there, if not with every value.
    """

    data: bytes
    whole: tuple[int, ...] = ()
    named: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """Pieces in order; the last may lack its newline."""

    pieces: tuple[Piece, ...]

    @staticmethod
    def of(lines: Sequence[bytes], first: int = 0) -> "Text":
        """Lines as Spark writes them, numbered from `first`."""
        return Text(tuple(Piece(line + b"\n", (at,)) for at, line in enumerate(lines, first)))

    @property
    def data(self) -> bytes:
        """The bytes."""
        return b"".join(piece.data for piece in self.pieces)

    @property
    def size(self) -> int:
        """How many bytes."""
        return sum(len(piece.data) for piece in self.pieces)

    def whole(self) -> set[int]:
        """The original lines that are in it undamaged."""
        return {line for piece in self.pieces for line in piece.whole}

    def named(self) -> set[int]:
        """The original lines whose rows must be there, in whatever state."""
        return {line for piece in self.pieces for line in piece.named} | self.whole()

    def edited(self, begin: int, end: int, put: bytes) -> "Text":
        """With the bytes [begin, end) replaced: every piece that they touch is one damaged piece."""
        first = last = at = start = stop = 0
        for index, piece in enumerate(self.pieces):
            if at <= begin:
                first, start = index, at
            at += len(piece.data)
            last, stop = index, at
            if at > end:
                break
        data = b"".join(piece.data for piece in self.pieces[first : last + 1])
        damaged = Piece(data[: begin - start] + put + data[end - start : stop - start])
        return Text((*self.pieces[:first], damaged, *self.pieces[last + 1 :]))

    def cut(self, size: int) -> "Text":
        """The first `size` bytes."""
        kept: list[Piece] = []
        for piece in self.pieces:
            if size >= len(piece.data):
                kept.append(piece)
            elif size > 0:
                # a line that lacks nothing but its newline is whole
                kept.append(
                    replace(piece, data=piece.data[:size])
                    if size >= len(piece.data.rstrip(b"\r\n"))
                    else Piece(piece.data[:size])
                )
            size -= len(piece.data)
            if size <= 0:
                break
        return Text(tuple(kept))

    def with_pieces(self, pieces: Iterable[Piece]) -> "Text":
        """Other pieces."""
        return Text(tuple(pieces))

    def split(self, parts: int) -> "list[Text]":
        """Consecutive parts of about as many pieces each."""
        step = max(1, -(-len(self.pieces) // parts))
        return [Text(self.pieces[at : at + step]) for at in range(0, len(self.pieces), step)]

    def undamaged_in(self, ranges: Sequence[tuple[int, int]]) -> "Text":
        """Only the pieces that lie wholly inside one of these byte ranges (sorted; touching ones are one)."""
        merged: list[tuple[int, int]] = []
        for begin, end in ranges:
            if merged and merged[-1][1] == begin:
                merged[-1] = (merged[-1][0], end)
            else:
                merged.append((begin, end))
        kept, at = [], 0
        for piece in self.pieces:
            stop = at + len(piece.data)
            if any(begin <= at and stop <= end for begin, end in merged):
                kept.append(piece)
            at = stop
        return Text(tuple(kept))
