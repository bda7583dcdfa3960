"""Settings that findings propose: only those that change something, with values for the application."""

from collections.abc import Mapping

import pytest

from afterglow.ingest.diagnose.proposed_settings import proposed_settings
from tests.ingest.diagnose.builders import Made, task


def settings(code: str, cause: str | None = None, master: str = "yarn", **given: str) -> list[str]:
    work = Made(executors=4, cores=2, master=master)
    work.stage([100] * 8)
    rows = [{"section": "spark", "key": key.replace("__", "."), "value": value} for key, value in given.items()]
    work.rows["properties"] = rows
    return proposed_settings(work.view(), code, cause)


@pytest.mark.parametrize(
    "code, cause, given, proposed",
    [
        ("spill", None, {}, ["spark.sql.shuffle.partitions=800", "spark.executor.memory=2g"]),
        (
            "spill",
            None,
            {
                "spark__memory__fraction": "0.05",
                "spark__sql__shuffle__partitions": "10",
                "spark__executor__memory": "6g",
            },
            ["spark.memory.fraction=0.6", "spark.sql.shuffle.partitions=40", "spark.executor.memory=12g"],
        ),
        ("few_partitions", "shuffle", {"spark__sql__shuffle__partitions": "2"}, ["spark.sql.shuffle.partitions=24"]),
        ("few_partitions", "shuffle", {}, []),  # the default is more than enough
        ("few_partitions", "coalesce", {}, []),  # no setting changes what the job's code says
        ("skew", "join", {"spark__sql__adaptive__enabled": "true"}, ["spark.sql.adaptive.skewJoin.enabled=true"]),
        (
            "gc",
            None,
            {"spark__executor__extraJavaOptions": "-XX:+UseSerialGC -Xmn2m -Da=b"},
            ["spark.executor.extraJavaOptions=-XX:+UseSerialGC -Da=b", "spark.executor.memory=2g"],
        ),
        (  # Spark adds its own options again
            "gc",
            None,
            {
                "spark__executor__extraJavaOptions": "-Djava.net.preferIPv6Addresses=false "
                "-XX:+IgnoreUnrecognizedVMOptions --add-modules=jdk.incubator.vector "
                "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED -Djdk.reflect.useDirectMethodHandle=false -Xmn2m -Da=b "
                "--add-opens=java.base/java.io=ALL-UNNAMED"
            },
            [
                "spark.executor.extraJavaOptions=-Da=b --add-opens=java.base/java.io=ALL-UNNAMED",
                "spark.executor.memory=2g",
            ],
        ),
        (  # before Spark 3.3 they are the user's
            "gc",
            None,
            {"spark__executor__extraJavaOptions": "--add-opens=java.base/java.nio=ALL-UNNAMED -Xmn2m"},
            [
                "spark.executor.extraJavaOptions=--add-opens=java.base/java.nio=ALL-UNNAMED",
                "spark.executor.memory=2g",
            ],
        ),
        ("executor_lost", "killed", {}, ["spark.executor.memoryOverhead=768m", "spark.executor.memory=2g"]),
        ("executor_lost", "preempted", {}, []),
        ("small_files", None, {}, []),  # they have to be written anew
        ("slow_host", None, {"spark__speculation": "true"}, ["spark.excludeOnFailure.enabled=true"]),
    ],
)
def test_values_fit_the_application(
    code: str, cause: str | None, given: Mapping[str, str], proposed: list[str]
) -> None:
    assert settings(code, cause, **given) == proposed


def test_local_mode_has_no_executors() -> None:
    assert "spark.driver.memory=2g" in settings("spill", master="local[2]")
    assert "spark.executor.memory=2g" in settings("spill", master="local-cluster[2,1,1024]")


def test_a_finding_carries_its_settings() -> None:
    work = Made(executors=2)
    work.stage([task(30_000, executor_run_time_ms=30_000, jvm_gc_time_ms=15_000)] * 4)
    assert work.one("gc")["settings"] == ["spark.executor.memory=2g"]
