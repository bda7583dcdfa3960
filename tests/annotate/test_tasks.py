"""Task metrics: from successful attempts, each once, from workers without Afterglow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from afterglow import annotate

pytestmark = pytest.mark.spark


def _values(written: Any) -> dict[tuple[int, int, str], Any]:
    rows = [tuple(row) for event in written.events_of("task_metrics") for row in event["values"]]
    assert len({row[:3] for row in rows}) == len(rows)
    return {row[:3]: row[3] for row in rows}


def test_a_failed_attempt_does_not_count(spark: Any, log: Any) -> None:
    from pyspark import TaskContext

    metrics = annotate.task_metrics()

    def work(rows: Any) -> Any:
        task: Any = TaskContext.get()
        total = sum(rows)
        metrics.log("total", total)
        metrics.log("total", 0.5)
        metrics.log("no number", "x")  # type: ignore[arg-type]
        if task.partitionId() == 1 and task.attemptNumber() == 0:
            raise ValueError("first attempt")
        yield total

    assert spark.sparkContext.parallelize(range(9), 3).mapPartitions(work).collect() == [3, 12, 21]
    annotate.disable()
    written = log.read()
    ends = written.task_ends
    succeeded = {
        (e["Stage ID"], e["Task Info"]["Task ID"]): e["Task Info"].get("Partition ID", e["Task Info"]["Index"])
        for e in ends
        if e["Task End Reason"]["Reason"] == "Success"
    }
    assert len(ends) == 4 and len(succeeded) == 3
    values = {succeeded[(stage, task)]: (name, value) for (stage, task, name), value in _values(written).items()}
    assert values == {0: ("total", 3.5), 1: ("total", 12.5), 2: ("total", 21.5)}


def test_it_works_in_a_python_udf(spark: Any, log: Any) -> None:
    from pyspark.sql.functions import udf

    metrics = annotate.task_metrics()

    @udf("long")
    def double(value: int) -> int:
        metrics.log("rows", 1)
        return value * 2

    assert spark.range(0, 10, 1, 2).select(double("id").alias("x")).selectExpr("sum(x)").first()[0] == 90
    annotate.disable()
    assert sorted(_values(log.read()).values()) == [5, 5]


def read_without_afterglow(folder: Path, *statements: str) -> None:
    """Unpickle `pickled` as a worker does that has no Afterglow, and run statements with it."""
    program = [
        "import pickle, sys",
        "sys.path = [place for place in sys.path if place not in ('', '.')]",
        "sys.modules['afterglow'] = None",
        "pickled = pickle.load(open('pickled', 'rb'))",
        *statements,
        "assert not [name for name, module in sys.modules.items() if module and name.startswith('afterglow.')]",
    ]
    subprocess.run([sys.executable, "-c", "\n".join(program)], check=True, cwd=folder, timeout=120)


def test_a_worker_needs_no_afterglow(spark: Any, tmp_path: Path) -> None:
    from pyspark import cloudpickle

    (tmp_path / "pickled").write_bytes(cloudpickle.dumps((annotate.task_metrics(), annotate.models())))
    read_without_afterglow(
        tmp_path,
        "metrics, models = pickled",
        "metrics.log('outside a task', 1)",
        "models.log('outside a task')",
        "assert metrics._accumulator.accum_param.addInPlace({1: 2}, {1: 3}) == {1: 5}",
        "assert models._accumulator.accum_param.addInPlace([1], [2]) == [1, 2]",
    )


def test_nor_does_a_worker_of_a_driver_without_a_spark_context(tmp_path: Path) -> None:
    program = """if True:
        import warnings
        from pyspark import cloudpickle
        from afterglow import annotate
        warnings.simplefilter("ignore")
        with open("pickled", "wb") as file:
            file.write(cloudpickle.dumps((annotate.task_metrics(), annotate.models())))
    """
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path, timeout=120)
    read_without_afterglow(tmp_path, "pickled[0].log('x', 1)", "pickled[1].log('x')")


def test_on_the_driver_nothing_is_logged(spark: Any, log: Any) -> None:
    annotate.task_metrics().log("x", 1)
    annotate.disable()
    assert log.read().events == []
