"""Cached data, shuffles that later jobs reuse, an unpersist, and a job that has no stage."""

from operator import add

from pyspark.sql import SparkSession


def main() -> None:
    """Run seven jobs over the same few words, most of which skip a stage."""
    spark = SparkSession.builder.appName("cached-and-skipped").getOrCreate()
    context = spark.sparkContext
    words = context.parallelize(["spark", "log", "run", "log", "task", "spark"] * 50, 2).setName("words")
    counts = words.map(lambda word: (word, 1)).reduceByKey(add).setName("counts").cache()
    counts.count()  # runs the map stage and fills the cache
    counts.collect()  # skips the map stage, reads the cache
    counts.unpersist(blocking=True)
    counts.map(lambda pair: pair[1]).sum()  # skips the map stage again: its shuffle files are still there
    counts.sortByKey().collect()  # a sampling job of the sort, then the sort: two more that skip

    context.setJobDescription("nothing to do")
    context.emptyRDD().count()  # JobStart and JobEnd, no stage
    context.setJobDescription(None)  # type: ignore[arg-type]  # takes the description away

    table = spark.range(0, 200, 1, 2).selectExpr("id % 5 AS k", "id AS v").groupBy("k").sum("v").cache()
    table.count()
    table.orderBy("k").collect()
    table.unpersist(blocking=True)
    spark.stop()


if __name__ == "__main__":
    main()
