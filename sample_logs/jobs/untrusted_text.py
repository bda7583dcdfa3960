"""Text that must never be taken for markup, and settings that must never be shown."""

import contextlib
from typing import Any

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import LongType

SCRIPT = "<script>alert(1)</script>"
MARKDOWN = (
    "[click](javascript:alert(1)) ![pixel](https://tracker.example/p.png) **bold** `code` ``` \n"
    "| a | b |\n|---|---|\n| 1 | 2 |\n\n# heading\n<img src=x onerror=alert(1)>"
)
TERMINAL = (
    "\x1b[31mred\x1b[0m \x07 \u202egnp.exe\u202c \u0085 \u2028 \U0001f525 \\N 'single' \"double\" "
    "{{ template }} ${jndi:ldap://x.example/a}"
)
LONG = "long " * 200
CREDENTIALS = "load from https://ml:hunter2@db.example:5432/sales?token=abc123"
SETTINGS = {
    "spark.my.password": "hunter2",
    "spark.my.api.token": "abc-api-token",
    "spark.my.apikey": "abc-api-key",  # not caught by Spark's own spark.redaction.regex
    "spark.my.jdbc.url": "jdbc:postgresql://ml:hunter2@db.example:5432/sales",  # nor is this
    "spark.my.credentials": "AKIAIOSFODNN7EXAMPLE",  # but this is, by 4.3
    "spark.hadoop.fs.s3a.access.key": "AKIAIOSFODNN7EXAMPLE",
    "spark.hadoop.fs.s3a.secret.key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
}


@F.udf(LongType())
def broken(row: int) -> Any:
    """Fail with a message that is markup, on a single row."""
    if row == 1:
        raise ValueError(f"{SCRIPT} | `pipe` | {MARKDOWN} {LONG}")
    return row


def main() -> None:
    """Run one small job per kind of text, and one that fails with such a text."""
    builder = SparkSession.builder.appName(f"{SCRIPT} **app** | [x](javascript:alert(1))")
    for key, value in SETTINGS.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    context = spark.sparkContext
    for number, text in enumerate([SCRIPT, MARKDOWN, TERMINAL, LONG, CREDENTIALS]):
        context.setJobGroup(f"{SCRIPT} | group {number}", text)
        context.parallelize(range(2), 1).setName(text).count()
    context.setJobGroup("`fails`", SCRIPT)
    with contextlib.suppress(PySparkException):
        spark.range(0, 2, 1, 1).select(broken("id")).collect()
    spark.stop()


if __name__ == "__main__":
    main()
