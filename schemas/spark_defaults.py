"""Settings of Spark that say nothing about an application: defaults, and what Spark and PySpark set by themselves."""

import re

# docs/configuration.md of Spark 4.3, and org.apache.spark.sql.internal.SQLConf
DEFAULTS = {
    "spark.broadcast.compress": "true",
    "spark.default.parallelism": "",
    "spark.driver.cores": "1",
    "spark.driver.maxResultSize": "1g",
    "spark.driver.memory": "1g",
    "spark.dynamicAllocation.enabled": "false",
    "spark.dynamicAllocation.executorIdleTimeout": "60s",
    "spark.dynamicAllocation.minExecutors": "0",
    "spark.executor.heartbeatInterval": "10s",
    "spark.executor.instances": "2",
    "spark.executor.memory": "1g",
    "spark.io.compression.codec": "lz4",
    "spark.kryo.referenceTracking": "true",
    "spark.kryoserializer.buffer.max": "64m",
    "spark.locality.wait": "3s",
    "spark.memory.fraction": "0.6",
    "spark.memory.offHeap.enabled": "false",
    "spark.memory.storageFraction": "0.5",
    "spark.network.timeout": "120s",
    "spark.python.worker.memory": "512m",
    "spark.python.worker.reuse": "true",
    "spark.rdd.compress": "false",
    "spark.reducer.maxSizeInFlight": "48m",
    "spark.scheduler.mode": "FIFO",
    "spark.serializer": "org.apache.spark.serializer.JavaSerializer",
    "spark.shuffle.compress": "true",
    "spark.shuffle.file.buffer": "32k",
    "spark.shuffle.service.enabled": "false",
    "spark.shuffle.spill.compress": "true",
    "spark.speculation": "false",
    "spark.sql.adaptive.coalescePartitions.enabled": "true",
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.adaptive.skewJoin.enabled": "true",
    "spark.sql.autoBroadcastJoinThreshold": "10485760",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.execution.arrow.pyspark.enabled": "false",
    "spark.sql.files.maxPartitionBytes": "134217728",
    "spark.sql.shuffle.partitions": "200",
    "spark.submit.deployMode": "client",
    "spark.task.cpus": "1",
    "spark.task.maxFailures": "4",
    "spark.ui.enabled": "true",
    "spark.ui.showConsoleProgress": "false",
}
# SparkContext, SparkSubmit and pyspark.core.context.DEFAULT_CONFIGS set these; the options of Java's module system
# come with every JVM since Spark 3.3 (JavaModuleOptions)
SET_BY_SPARK = re.compile(
    r"spark\.(?:app\.|driver\.(?:host|port|bindAddress|appUIAddress)$|executor\.id$|master$|repl\.|submit\.pyFiles$|"
    r"serializer\.objectStreamReset$|sql\.warehouse\.dir$|sql\.artifact\.isolation\.enabled$|"
    r"ui\.showConsoleProgress$|eventLog\.|history\.|org\.apache\.hadoop\.)"
)
JAVA_MODULE_OPTIONS = re.compile(
    r"(?:-XX:\+IgnoreUnrecognizedVMOptions|"
    r"--(?:add-opens|add-modules|enable-native-access|sun-misc-unsafe-memory-access)[ =]\S+|"
    r"-D(?:java\.net\.preferIPv6Addresses|jdk\.reflect\.useDirectMethodHandle|io\.netty\.[\w.]+)=\w+)(?:\s+|$)"
)
