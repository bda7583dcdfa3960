"""A minute of differential fuzzing, from a seed that changes with the readers. `make soak` starts from a new seed."""

import zlib
from pathlib import Path

import pytest

from afterglow.ingest import decode

from .compare_readers import compare

pytestmark = [pytest.mark.native, pytest.mark.slow]

SECONDS = 60


def _seed() -> int:
    """The same commit fails or passes each time: a failure belongs to the change that is tested."""
    sources = sorted(Path(decode.__file__).resolve().parent.rglob("*.[cph]*"))
    return zlib.crc32(b"".join(path.read_bytes() for path in sources if path.suffix in (".c", ".h", ".py")))


def test_edited_lines_are_read_alike() -> None:
    seed = _seed()
    compared, different = compare(SECONDS, seed)
    assert different is None, f"seed {seed}: {different!r}"
    assert compared > 100
