"""Make event logs of searches of many shapes with the Spark of this interpreter, each with the truth of its jobs.

usage: python generate.py OUT_DIR [SHAPE...]

A shape is a function of shapes.py or a script of scala/, which the shell in the pyspark package runs. Writes
OUT_DIR/<shape>-<version>/<log>.json and truth.json. A development tool: it needs PySpark and Java.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SCALA = Path(__file__).parent / "scala"
CONF = {
    "spark.master": "local[2]",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.memory": "1g",
    "spark.eventLog.enabled": "true",
    "spark.eventLog.rolling.enabled": "false",
    "spark.eventLog.compress": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
    "spark.log.level": "ERROR",
}


def run(name: str, logs: str) -> None:
    """Runs one shape in this process."""
    import recorder
    import shapes
    from pyspark.ml.linalg import Vectors
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName(name).config("spark.eventLog.dir", f"file://{logs}")
    for key, value in CONF.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    draw = random.Random(3)
    rows = []
    for i in range(300):
        x = [draw.random() for _ in range(3)]
        rows.append((i, *x, float(sum(x) + draw.random() > 2), "abc"[i % 3], Vectors.dense(x)))
    data = spark.createDataFrame(rows, ["id", "x0", "x1", "x2", "label", "word", "features"])
    recorder.record()
    shapes.SHAPES[name](spark, data)
    spark.stop()


def run_scala(name: str, logs: str) -> int:
    """Runs one script in spark-shell; returns its exit code."""
    import pyspark

    (home,) = pyspark.__path__
    conf = {**CONF, "spark.eventLog.dir": f"file://{logs}", "spark.app.name": name}
    options = [part for key, value in conf.items() for part in ("--conf", f"{key}={value}")]
    command = [f"{home}/bin/spark-shell", *options, "-I", str(SCALA / "told.scala"), "-I", str(SCALA / f"{name}.scala")]
    environment = os.environ | {"SPARK_HOME": home, "SPARK_LOCAL_IP": "127.0.0.1"}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, check=False, capture_output=True, text=True, timeout=600
    )
    if "error:" in done.stdout or "Exception" in done.stdout:  # the shell goes on after an error and ends well
        print(done.stdout[-2000:])
        return 1
    return done.returncode


def take_truth(log: Path, out: Path) -> None:
    """Moves the truth out of the log: truth.json beside the log without it."""
    property_name = "truth.of.this.job"
    jobs: dict[str, object] = {}
    app_id, lines = "", []
    for line in log.read_text().splitlines():
        event = json.loads(line)
        app_id = event.get("App ID", app_id)
        if event["Event"] == "SparkListenerJobStart":
            told = event["Properties"].pop(property_name, None)
            if told:
                uid, *where = told.split("|")
                jobs[str(event["Job ID"])] = (
                    {"uid": uid, "phase": "tuner"}
                    if where == ["tuner"]
                    else {"uid": uid, "fold": int(where[0]), "index": int(where[1])}
                )
        elif property_name in line:
            event.get("Properties", {}).pop(property_name, None)
        lines.append(json.dumps(event, separators=(",", ":")))
    out.mkdir(parents=True)
    (out / log.name).write_text("\n".join(lines) + "\n")
    uids = sorted({job["uid"] for job in jobs.values()})  # type: ignore[index]
    (out / "truth.json").write_text(json.dumps({"app_id": app_id, "tunings": uids, "jobs": jobs}, indent=1) + "\n")


def main(out: Path, names: list[str]) -> None:
    """Runs every shape in a process of its own."""
    import pyspark
    import shapes

    scala = sorted(path.stem for path in SCALA.glob("scala_*.scala"))
    for name in names or [*shapes.SHAPES, *scala]:
        target = out / f"{name}-{pyspark.__version__}"
        shutil.rmtree(target, ignore_errors=True)
        with tempfile.TemporaryDirectory() as logs:
            if name in scala:
                code = run_scala(name, logs)
            else:
                environment = os.environ | {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
                command = [sys.executable, __file__, "--one", name, logs]
                code = subprocess.run(command, env=environment, check=False).returncode
            found = [path for path in Path(logs).iterdir() if not path.name.startswith(".")]
            print(name, pyspark.__version__, "exit", code, "logs", len(found), flush=True)
            for log in found:
                take_truth(log, target)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    if sys.argv[1] == "--one":
        run(sys.argv[2], sys.argv[3])
    else:
        main(Path(sys.argv[1]), sys.argv[2:])
