"""The smallest useful job: words counted once with RDDs and once with SQL."""

from operator import add

from pyspark.sql import SparkSession

TEXT = ["to be or not to be", "that is the question", "be that as it may"]


def main() -> None:
    """Count words twice."""
    spark = SparkSession.builder.appName("wordcount").getOrCreate()
    lines = spark.sparkContext.parallelize(TEXT, 2)
    lines.flatMap(str.split).map(lambda word: (word, 1)).reduceByKey(add).collect()
    words = spark.createDataFrame([(word,) for line in TEXT for word in line.split()], ["word"])
    words.createOrReplaceTempView("words")
    spark.sql("SELECT word, count(*) AS n FROM words GROUP BY word ORDER BY n DESC, word").collect()
    spark.stop()


if __name__ == "__main__":
    main()
