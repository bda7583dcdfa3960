"""The files of the application run."""

import numpy as np
import pyarrow as pa
import pytest

from afterglow.ingest.publish import artifacts


def test_few_rows_are_the_csv_that_pyarrow_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [None, "", "plain", 'a "quote", a comma', "two\nlines", "=SUM(1)", " -1", "é\u202e", "@x", "\t"]
    random = np.random.default_rng(1)
    for number in (0, 1, 5, 20):
        some = [texts[i] for i in random.integers(0, len(texts), number)]
        table = pa.table(
            {
                "number": pa.array([None if text is None else -(2**62) + len(text) for text in some], pa.int64()),
                "truth": pa.array([None if text is None else len(text) > 3 for text in some], pa.bool_()),
                "text": pa.array(some, pa.string()),
                "names": pa.array([None if text is None else [text, text] for text in some], pa.list_(pa.string())),
                "ids": pa.array([[len(text)] if text else [] for text in some], pa.list_(pa.int64())),
            }
        )
        own = artifacts.csv_bytes(table)
        with monkeypatch.context() as patch:
            patch.setattr(artifacts, "_FEW_ROWS", -1)
            assert own == artifacts.csv_bytes(table)
