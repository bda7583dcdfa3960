"""Run one sample's job in a process of its own, in a neutral place, and hand over the log that it left."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from samples import STANDALONE, Sample

JOBS = Path(__file__).parent / "jobs"
HOME = Path("/tmp/afterglow-samples")  # call sites, paths in plans and class paths in the logs read so
TIMEOUT_S = 300
CONF = {
    "spark.master": "local[2]",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.eventLog.enabled": "true",
    "spark.eventLog.dir": f"file://{HOME}/logs",
    "spark.local.dir": f"{HOME}/local",
    "spark.sql.warehouse.dir": f"{HOME}/warehouse",
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
}


class SampleError(Exception):
    """A sample could not be made, or does not show what it pins."""


@dataclass(frozen=True)
class Spark:
    """An interpreter with a PySpark: where that is, and of which version."""

    python: Path
    version: str
    home: Path


def find_spark(python: Path, wanted: str) -> Spark:
    """The PySpark of an interpreter. Raises SampleError if it has none, or not of the series `wanted` ("4", "3.5")."""
    code = "import pyspark; print(pyspark.__version__, pyspark.__path__[0])"
    try:
        answer = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise SampleError(f"{python} has no pyspark: {error}") from error
    version, home = answer.strip().split(" ", 1)
    if not version.startswith(wanted + "."):
        raise SampleError(f"{python} has pyspark {version}, but pyspark {wanted}.x is needed")
    return Spark(python, version, Path(home))


def run_sample(sample: Sample, spark: Spark) -> tuple[Path, Path | None]:
    """Run the job; return its log (a file or a folder) and, where there is one, the truth that the job wrote down.

    Both lie below HOME and are gone at the next call. Raises SampleError if the job fails or leaves no log.
    """
    _prepare(sample, spark)
    script = HOME / sample.script
    command = [spark.python] if script.suffix == ".py" else [HOME / "spark/bin/spark-shell", "-i"]
    environment = _environment(spark)
    with _cluster(environment) if sample.conf.get("spark.master") == STANDALONE else nullcontext():
        _run(sample, [*map(str, command), str(script)], environment)
    logs = [path for path in (HOME / "logs").iterdir() if not path.name.startswith(".")]
    if len(logs) != 1:
        raise SampleError(f"{sample.name}: one log was expected, not {[log.name for log in logs]}")
    truth = HOME / "truth.json"
    return logs[0], truth if truth.exists() else None


def _prepare(sample: Sample, spark: Spark) -> None:
    """An empty HOME, but for the job, its settings, and a link to Spark that says nothing of this machine."""
    shutil.rmtree(HOME, ignore_errors=True)
    for folder in ("logs", "conf", "work"):
        (HOME / folder).mkdir(parents=True)
    for script in (JOBS / sample.script, JOBS / "tuning_truth.py"):
        shutil.copy(script, HOME)
    if sample.annotate:  # beside the job, so that call sites of the annotation do not name this machine's folders
        for package in ("annotate", "schemas"):
            shutil.copytree(JOBS.parent.parent / package, HOME / "afterglow" / package)
        (HOME / "afterglow/__init__.py").touch()
    (HOME / "spark").symlink_to(spark.home)
    defaults = "".join(f"{key} {value}\n" for key, value in (CONF | dict(sample.conf)).items())
    (HOME / "conf/spark-defaults.conf").write_text(defaults)
    (HOME / "conf/log4j2.properties").write_text(
        "rootLogger.level = error\nrootLogger.appenderRef.a.ref = console\n"
        "appender.console.type = Console\nappender.console.name = console\nappender.console.target = SYSTEM_ERR\n"
        "appender.console.layout.type = PatternLayout\nappender.console.layout.pattern = %d %p %c{1}: %m%n\n"
    )


def _environment(spark: Spark) -> dict[str, str]:
    """Only what a job needs of this process's environment, with a user called ml."""
    kept = {key: os.environ[key] for key in ("PATH", "JAVA_HOME", "LD_LIBRARY_PATH") if key in os.environ}
    return kept | {
        "HOME": "/home/ml",
        "USER": "ml",
        "SPARK_USER": "ml",
        "HADOOP_USER_NAME": "ml",
        "JAVA_TOOL_OPTIONS": "-Duser.name=ml -Duser.home=/home/ml -Duser.timezone=UTC",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "SPARK_HOME": str(HOME / "spark"),
        "SPARK_CONF_DIR": str(HOME / "conf"),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": str(spark.python),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _run(sample: Sample, command: list[str], environment: Mapping[str, str]) -> None:
    try:
        done = subprocess.run(
            command, cwd=HOME, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=TIMEOUT_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise SampleError(f"{sample.name}: still running after {TIMEOUT_S} s") from error
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        raise SampleError(f"{sample.name}: the job ended with code {done.returncode}, see its output above")


@contextmanager
def _cluster(environment: Mapping[str, str]) -> Iterator[None]:
    """A standalone master with two workers of one core each, on two addresses so that Spark sees two hosts.

    local-cluster would do with less, but runs all executors on one host: shuffle reads between them are then local.
    """
    started = []
    try:
        launcher = [str(HOME / "spark/bin/spark-class")]
        master = ["org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", "7077", "--webui-port", "0"]
        with (HOME / "work/cluster.log").open("w") as output:
            started.append(subprocess.Popen(launcher + master, cwd=HOME, env=environment, stdout=output, stderr=output))
            for host in ("127.0.0.1", "127.0.0.2"):
                worker = ["org.apache.spark.deploy.worker.Worker", "--host", host, "--cores", "1", "--memory", "600m",
                          "--webui-port", "0", "--work-dir", f"{HOME}/work", STANDALONE]  # fmt: skip
                local = {**environment, "SPARK_LOCAL_IP": host}
                started.append(subprocess.Popen(launcher + worker, cwd=HOME, env=local, stdout=output, stderr=output))
        yield
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(30)
