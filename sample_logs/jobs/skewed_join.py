"""A join on a key that nine rows in ten share: one task of its stage does nearly all the work, and spills."""

import hashlib

from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType

DATA = "/tmp/afterglow-samples/data"
ROWS = 20_000


@F.udf(StringType())
def fingerprint(order: int) -> str:
    """Some 0.1 ms of honest work per row, so that the straggler takes seconds."""
    return hashlib.pbkdf2_hmac("sha1", str(order).encode(), b"salt", 60).hex()


def main() -> None:
    """Write orders and customers as Parquet and CSV, then read and join them."""
    spark = SparkSession.builder.appName("skewed-join").getOrCreate()
    context = spark.sparkContext
    context.setJobGroup("write", "Write the orders and the customers")
    orders = spark.range(0, ROWS, 1, 4).select(
        F.col("id").alias("order"),
        F.when(F.col("id") % 10 < 9, 0).otherwise(F.col("id") % 50).alias("customer"),
        F.sha2(F.col("id").cast("string"), 256).alias("note"),
    )
    orders.write.mode("overwrite").parquet(f"{DATA}/orders")
    customers = spark.range(0, 50, 1, 1).select(F.col("id").alias("customer"), (F.col("id") % 3).alias("region"))
    customers.write.mode("overwrite").csv(f"{DATA}/customers", header=True)

    context.setJobGroup("warm-up", "Start the Python workers, lest their start be taken for skew")
    spark.range(0, 4, 1, 4).select(fingerprint("id")).collect()

    context.setJobGroup("join", "Fingerprints of orders per region")
    context.setJobDescription("Join the skewed orders with their customers")
    orders = spark.read.parquet(f"{DATA}/orders")
    customers = spark.read.csv(f"{DATA}/customers", header=True, schema="customer long, region long")
    joined = orders.join(customers, "customer").withColumn("print", fingerprint("order"))
    joined.groupBy("region").agg(F.max("print"), F.max("note"), F.count("*")).collect()
    spark.stop()


if __name__ == "__main__":
    main()
