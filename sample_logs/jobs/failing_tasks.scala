// Tasks that fail and are tried again, a named accumulator, and a job that gives up after four failures.
// Run by spark-shell, for PySpark's own accumulators have no name and so never reach the event log.
import org.apache.spark.TaskContext
import scala.util.Try

val evenRows = sc.longAccumulator("even rows")
val rowLength = sc.doubleAccumulator("row length")

sc.setJobDescription("Count what is even")
sc.parallelize(1 to 400, 4).map { row =>
  if (row % 2 == 0) evenRows.add(1)
  rowLength.add(row.toString.length)
  row
}.count()

sc.setJobDescription("Two partitions fail at first")
sc.parallelize(1 to 400, 4).mapPartitionsWithIndex { (partition, rows) =>
  val attempt = TaskContext.get().attemptNumber()
  if (partition == 1 && attempt < 2) throw new IllegalStateException(s"partition 1 is not ready, attempt $attempt")
  if (partition == 3 && attempt < 1) throw new java.io.IOException("Connection reset by peer")
  rows.map(row => (row % 3, row))
}.reduceByKey(_ + _, 2).collect()

sc.setJobDescription("One partition never succeeds")
Try(sc.parallelize(1 to 40, 4).map { row => 100 / (row - 25) }.collect())

sc.stop()
System.exit(0)
