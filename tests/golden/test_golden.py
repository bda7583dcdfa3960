"""Every sample log gives exactly the tables and runs that were read and committed."""

import difflib

import pytest

from tests.conftest import sample_log, sample_names
from tests.golden.snapshot import golden, snapshot


@pytest.mark.parametrize("name", sample_names())
def test_sample_gives_the_committed_tables_and_runs(name: str) -> None:
    for file, text in snapshot(sample_log(name)).items():
        expected = (golden(name) / file).read_text(encoding="utf-8")
        if text != expected:
            diff = list(
                difflib.unified_diff(expected.splitlines(), text.splitlines(), "expected", "now", lineterm="", n=0)
            )
            pytest.fail(
                f"{name}/{file} changed; `make golden` and read the diff\n"
                + "\n".join(line[:400] for line in diff[:12])
            )


def test_no_expectation_without_a_sample() -> None:
    assert sorted(path.name for path in golden("").iterdir()) == sample_names()
