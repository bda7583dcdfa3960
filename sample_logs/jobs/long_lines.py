"""Few jobs with very long descriptions: Spark rolls its log after 10 MiB, which pack into next to nothing."""

from pyspark.sql import SparkSession

LENGTH = 1_500_000


def main() -> None:
    """Run four jobs of one stage each; the description is in the JobStart and in the StageSubmitted of each."""
    spark = SparkSession.builder.appName("long-lines").getOrCreate()
    context = spark.sparkContext
    for number in range(4):
        context.setJobDescription(f"job {number} " + "." * LENGTH)
        context.parallelize(range(4), 2).count()
    spark.stop()


if __name__ == "__main__":
    main()
