"""A notebook in a real kernel with a real session: a search in one cell, its report in the next."""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest

from tests.ingest.publish.stores import new_sqlite

SESSION = """
import os, sys
os.environ["PYSPARK_PYTHON"] = sys.executable
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.evaluation import BinaryClassificationEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.tuning import ParamGridBuilder, TrainValidationSplit
from pyspark.sql import SparkSession

builder = SparkSession.builder.master("local[2]").appName("notebook").config("spark.ui.enabled", "false")
for key in ("spark.driver.host", "spark.driver.bindAddress"):
    builder = builder.config(key, "127.0.0.1")
spark = (builder.config("spark.eventLog.enabled", "true").config("spark.eventLog.dir", {logs!r})
         .config("spark.sql.shuffle.partitions", "2").getOrCreate())
"""
SEARCH = """
rows = spark.range(400).selectExpr("id % 7 a", "id % 11 b", "cast(id % 3 = 0 as double) label")
data = VectorAssembler(inputCols=["a", "b"], outputCol="features").transform(rows)
fit = LogisticRegression(maxIter=1)
grid = ParamGridBuilder().addGrid(fit.regParam, [0.0, 0.1]).build()
search = TrainValidationSplit(estimator=fit, estimatorParamMaps=grid, evaluator=BinaryClassificationEvaluator())
model = search.fit(data)
jobs = lambda: sorted(spark.sparkContext.statusTracker().getJobIdsForGroup(None))
before = jobs()
"""
CELLS = [
    SEARCH,
    "import afterglow\nafterglow.report(spark)",
    "afterglow.report(spark, last=1)",
    "afterglow.import_session(spark, {store!r}, 'notebook')",
    "LogisticRegression(maxIter=1).fit(data).numFeatures",
    "print(jobs() > before)\nbefore = jobs()\nafterglow.import_session(spark, {store!r}, 'notebook')",
    "print(jobs() == before)\nspark.stop()\nos.environ['SPARK_LOCAL_IP'] = '127.0.0.1'",
    "spark = builder.config('spark.eventLog.enabled', 'false').getOrCreate()\nafterglow.report(spark)",
]


@pytest.mark.spark
def test_a_search_in_one_cell_and_its_report_in_the_next(tmp_path: Path) -> None:
    logs, store = tmp_path / "logs", new_sqlite(tmp_path / "mlflow.db")
    logs.mkdir()
    sources = [SESSION.format(logs=str(logs)), *(cell.replace("{store!r}", repr(store)) for cell in CELLS)]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    notebook.cells[-1].metadata["tags"] = ["raises-exception"]
    kernel = tmp_path / "kernels" / "here"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(
        json.dumps(
            {
                "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
                "language": "python",
                "display_name": "here",
            }
        )
    )
    os.environ["JUPYTER_PATH"] = str(tmp_path)
    try:
        nbclient.NotebookClient(notebook, timeout=300, kernel_name="here", cwd=str(tmp_path)).execute()
    finally:
        del os.environ["JUPYTER_PATH"]
    _, _, whole, last, first, _, again, unchanged, off = notebook.cells
    for cell, title in ((whole, "notebook"), (last, "notebook: last search")):
        shown = _result(cell)["text/html"]
        assert shown.startswith("<iframe sandbox=") and f'title="{title}"' in shown and "trials" in shown
    assert re.search(r"\d+ of \d+ runs written", _result(first)["text/plain"])
    assert _printed(again) == "True\n" and " runs written" in _result(again)["text/plain"]
    assert _printed(unchanged) == "True\n"  # no report and no import ran a job
    (error,) = [output for output in off.outputs if output.output_type == "error"]
    assert len(error.traceback) == 1 and "set spark.eventLog.enabled=true" in error.traceback[0]


def _result(cell: Any) -> Any:
    (result,) = [output for output in cell.outputs if output.output_type == "execute_result"]
    return result.data


def _printed(cell: Any) -> str:
    return "".join(output.text for output in cell.outputs if output.get("name") == "stdout")
