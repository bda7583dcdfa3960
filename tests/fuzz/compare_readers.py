"""Differential fuzzing: the native scanner and Python read the same from lines edited at random.

    python -m tests.fuzz.compare_readers SECONDS [SEED]

The first difference ends it with exit code 1. The seed that is printed repeats a run.
"""

import sys
import time
from random import Random

from ..property.test_native import LINES, PIECES, read
from .native import edited

_SHORT_BYTES = 20_000


def compare(seconds: float, seed: int) -> tuple[int, bytes | None]:
    """The number of blocks of lines that were compared, and the first one that the two read differently."""
    random, compared, ends = Random(seed), 0, time.monotonic() + seconds
    short = [line for line in LINES if len(line) < _SHORT_BYTES]
    while time.monotonic() < ends:
        block = edited(short, PIECES, random)
        if random.random() < 0.5:  # the scanner has seen the lines as they were, and knows their shapes
            block = random.choice(short) + b"\n" + block
        if not block:  # the reader never hands on an empty block
            continue
        if read(block, True) != read(block, False):
            return compared, block
        compared += 1
    return compared, None


def main() -> int:
    """Runs for so many seconds; the exit code."""
    seconds, seed = float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
    compared, different = compare(seconds, seed)
    print(f"{compared:,} blocks of lines compared in {seconds:,.0f} s, seed {seed}")
    if different is None:
        return 0
    print(f"read differently: {different!r}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
