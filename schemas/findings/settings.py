"""Settings of Spark that are worth trying against a finding, and how their values are made."""

from dataclasses import dataclass
from typing import Literal

Rule = Literal["value", "double", "default", "per_core", "multiply", "without"]


@dataclass(frozen=True, slots=True)
class SettingAdvice:
    """One property to set.

    By `rule` the value is:

    - value: `value` itself
    - double: twice the present size, from `value` if it is not set
    - default: `value`, which is Spark's default, if the present number is smaller
    - per_core: `value` for each core
    - multiply: `value` times the present number, or times Spark's default of 200 partitions
    - without: the present text without what matches the pattern `value`

    A property that has the value already is not proposed.
    """

    key: str
    rule: Rule
    value: str


ADAPTIVE = SettingAdvice("spark.sql.adaptive.enabled", "value", "true")
SKEW_JOIN = SettingAdvice("spark.sql.adaptive.skewJoin.enabled", "value", "true")
COALESCE = SettingAdvice("spark.sql.adaptive.coalescePartitions.enabled", "value", "true")
SMALLEST_PARTITION = SettingAdvice("spark.sql.adaptive.coalescePartitions.parallelismFirst", "value", "false")
MORE_PARTITIONS = SettingAdvice("spark.sql.shuffle.partitions", "multiply", "4")
PARTITIONS_PER_CORE = SettingAdvice("spark.sql.shuffle.partitions", "per_core", "3")
MORE_MEMORY = SettingAdvice("spark.executor.memory", "double", "1g")
MORE_OVERHEAD = SettingAdvice("spark.executor.memoryOverhead", "double", "384m")
MEMORY_FRACTION = SettingAdvice("spark.memory.fraction", "default", "0.6")
YOUNG_GENERATION = SettingAdvice("spark.executor.extraJavaOptions", "without", r"-Xmn\S+|-XX:(Max)?NewSize=\S+")
SPECULATION = SettingAdvice("spark.speculation", "value", "true")
BROADCAST = SettingAdvice("spark.sql.autoBroadcastJoinThreshold", "value", "64MB")
SMALLER_BROADCAST = SettingAdvice("spark.sql.autoBroadcastJoinThreshold", "value", "10MB")
ARROW = SettingAdvice("spark.sql.execution.pythonUDF.arrow.enabled", "value", "true")
"""Spark 3.5 and later: org.apache.spark.sql.internal.SQLConf.PYTHON_UDF_ARROW_ENABLED."""
EXCLUDE_MACHINES = SettingAdvice("spark.excludeOnFailure.enabled", "value", "true")
