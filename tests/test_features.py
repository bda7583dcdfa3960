"""docs/measurements/features.md names a test for everything it says is done, and each of them is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "measurements" / "features.md"
ROWS = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
NAMED = sorted({name for row in ROWS for name in re.findall(r"`(tests/[\w/]+\.py::\w+)`", row)})


@pytest.mark.parametrize("named", NAMED)
def test_the_test_is_there(named: str) -> None:
    path, name = named.split("::")
    assert re.search(rf"^def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_row_has_one() -> None:
    rows = [row for row in ROWS if not row.startswith("| feature |")]
    assert len(rows) > 20 and [row for row in rows if "::" not in row.rsplit(" | ", 1)[-1]] == []
