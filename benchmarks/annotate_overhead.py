"""What annotate adds to a search of 100 fits: the same search with and without it, interleaved, in one Spark.

Prints the median of each, their ratio, the bytes and jobs added to the event log, and whether the predictions are the
same. Exit 1 if they are not. Wall-clock medians on a machine that others use vary by more than what is measured here.
So two more figures are printed: the CPU time of Python and the JVM, and the time spent inside annotate's own functions
on the search's threads, as a share of the search.

usage: annotate_overhead.py [--times 5] [--rows 20000] [--folds 5] [--maps 20] [--parallelism 1]
"""

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from afterglow import annotate
from afterglow.annotate import autologging, fits, searches, trials


class Clock:
    """Seconds spent inside annotate's hooks, what they wrap left out, on every thread but the writer's own."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._lock = threading.Lock()
        self._inside = threading.local()

    def measured(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if getattr(self._inside, "now", False):
                return function(*args, **kwargs)
            self._inside.now, start = True, time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self._inside.now = False
                with self._lock:
                    self.seconds += time.perf_counter() - start

        return wrapper


HOOKS = [
    (fits, "_is_search"),
    (fits, "_begin"),
    (fits, "_collect_summary"),
    (fits, "_end"),
    (searches, "_begin"),
    (searches, "_begin_fold"),
    (searches, "_end"),
    (trials, "_begin"),
    (trials, "_set_trial"),
    (trials, "_start_evaluation"),
    (trials, "_end"),
    (autologging, "_install"),
]


def main() -> int:
    """Run it; 0 if predictions are the same."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name, default in (("times", 5), ("rows", 20_000), ("folds", 5), ("maps", 20), ("parallelism", 1)):
        options.add_argument(f"--{name}", type=int, default=default)
    given = options.parse_args()
    clock = Clock()
    for module, name in HOOKS:
        setattr(module, name, clock.measured(getattr(module, name)))
    with tempfile.TemporaryDirectory() as folder:
        spark = _session(folder)
        data = _data(spark, given.rows)
        _search(data, given, maps=2)  # both sides start on a warm JVM
        figures: dict[bool, list[tuple[float, float, int, int]]] = {False: [], True: []}
        seconds_inside: list[float] = []
        predictions = set()
        for turn in range(2 * given.times):
            annotated = turn % 4 in (1, 2)  # without, with, with, without: a trend of the machine hits both alike
            if annotated:
                annotate.autolog()
            clock.seconds, start, used = 0.0, time.perf_counter(), _cpu_s(spark)
            jobs, size = _jobs(spark), _size(spark, folder)
            model = _search(data, given, given.maps)
            elapsed = time.perf_counter() - start
            used = _cpu_s(spark) - used
            annotate.disable()
            figures[annotated].append((elapsed, used, _jobs(spark) - jobs, _size(spark, folder) - size))
            if annotated:
                seconds_inside.append(clock.seconds / elapsed)
            predictions.add(tuple(map(str, model.transform(data).select("prediction", "probability").collect())))
            share = f", inside annotate {seconds_inside[-1]:.2%}" if annotated else ""
            print(f"{'with' if annotated else 'without':8}{elapsed:8.2f} s{used:8.2f} s CPU{share}", flush=True)
        spark.stop()
    without, with_it = (
        [statistics.median(column) for column in zip(*figures[side], strict=True)] for side in (False, True)
    )
    print(f"{given.folds * given.maps} fits, parallelism {given.parallelism}, {given.times} times each")
    print(f"median {without[0]:.2f} s without, {with_it[0]:.2f} s with: ratio {with_it[0] / without[0]:.4f}")
    print(f"CPU {without[1]:.2f} s without, {with_it[1]:.2f} s with: ratio {with_it[1] / without[1]:.4f}")
    print(f"inside annotate: {statistics.median(seconds_inside):.2%} of the search")
    print(f"jobs {without[2]:.0f} -> {with_it[2]:.0f}, log {without[3]:.0f} -> {with_it[3]:.0f} bytes")
    print(f"predictions {'identical' if len(predictions) == 1 else 'DIFFER'}")
    return 0 if len(predictions) == 1 else 1


def _session(folder: str) -> Any:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").appName("annotate_overhead")
    for key, value in {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": f"file://{folder}",
        "spark.eventLog.compress": "false",
        "spark.eventLog.rolling.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.showConsoleProgress": "false",
    }.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def _data(spark: Any, rows: int) -> Any:
    from pyspark.ml.feature import VectorAssembler

    columns = [f"sin(id * {n + 1}) x{n}" for n in range(8)]
    # One partition: with more, MLlib merges sums in the order in which tasks end, and predictions differ by themselves.
    raw = spark.range(0, rows, 1, 1).selectExpr("cast(sin(id) + cos(id * 7) > 0.3 as double) label", *columns)
    data = VectorAssembler(inputCols=[f"x{n}" for n in range(8)], outputCol="features").transform(raw).cache()
    data.count()
    return data


def _search(data: Any, given: argparse.Namespace, maps: int) -> Any:
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.evaluation import BinaryClassificationEvaluator
    from pyspark.ml.tuning import CrossValidator

    logistic = LogisticRegression(maxIter=10)
    search = CrossValidator(
        estimator=logistic,
        evaluator=BinaryClassificationEvaluator(),
        numFolds=given.folds,
        seed=1,
        parallelism=given.parallelism,
        estimatorParamMaps=[{logistic.regParam: n / 100} for n in range(maps)],
    )
    return search.fit(data)


def _jobs(spark: Any) -> int:
    return int(spark.sparkContext._jsc.sc().dagScheduler().numTotalJobs())


def _cpu_s(spark: Any) -> float:
    """CPU seconds of this process and of the driver's JVM, in which the tasks run (Linux)."""
    stat = Path(f"/proc/{spark.sparkContext._gateway.proc.pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(stat[11]) + int(stat[12])  # utime and stime; the fields are counted from the state
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def _size(spark: Any, folder: str) -> int:
    spark.sparkContext._jsc.sc().listenerBus().waitUntilEmpty(60_000)
    return sum(path.stat().st_size for path in Path(folder).iterdir() if not path.name.startswith("."))


if __name__ == "__main__":
    sys.exit(main())
