"""The questions of docs/fleet.md, asked of the samples: the answers printed there are the answers."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from afterglow.ingest.cli import app
from tests.conftest import SAMPLES

PAGE = Path(__file__).parent.parent / "docs" / "fleet.md"


def question(kind: str) -> tuple[str, str]:
    """The question's text and its answer."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(rf"<!-- fleet {kind} -->\n```\w+\n(.*?)```\n```\n(.*?)```", text, re.DOTALL)
    assert found is not None, kind
    return found[1], found[2].rstrip("\n")


def rows(frame: Any) -> str:
    return "\n".join(line.rstrip() for line in str(frame.to_string(index=False)).splitlines())


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    words = ["import", str(SAMPLES), "--dataset", str(tmp_path / "fleet"), "--no-runs", "--quiet"]
    assert CliRunner().invoke(app, words).exit_code == 0
    os.chdir(tmp_path)
    return tmp_path / "fleet"


def test_pandas(fleet: Path) -> None:
    import pandas as pd

    text, answer = question("pandas")
    names: dict[str, Any] = {"pd": pd}
    exec(text, names)
    assert rows(names["answer"].reset_index()) == answer


def test_duckdb(fleet: Path) -> None:
    import duckdb

    text, answer = question("duckdb")
    assert rows(duckdb.sql(text).df()) == answer


@pytest.mark.spark
def test_spark(fleet: Path) -> None:
    from pyspark.sql import SparkSession

    text, answer = question("spark")
    session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    try:
        session.read.parquet(str(fleet / "fits")).createOrReplaceTempView("fits")
        import pandas as pd

        assert rows(pd.DataFrame([row.asDict() for row in session.sql(text).collect()])) == answer
    finally:
        session.stop()
