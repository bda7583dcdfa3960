// What both scripts share: data, and estimators that write into the local properties of their thread which fit they are
// in. The generator reads it from the JobStart events and takes it out again.
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicInteger

import org.apache.spark.ml.{Pipeline, PipelineModel}
import org.apache.spark.ml.classification._
import org.apache.spark.ml.evaluation._
import org.apache.spark.ml.feature._
import org.apache.spark.ml.linalg.Vectors
import org.apache.spark.ml.param.ParamMap
import org.apache.spark.ml.tuning._
import org.apache.spark.ml.util.Identifiable
import org.apache.spark.sql.Dataset

object Told {
  val property = "truth.of.this.job"
  @volatile private var uid = ""
  @volatile private var maps = Array.empty[ParamMap]
  @volatile private var folds = 0
  private val seen = new ConcurrentHashMap[Int, AtomicInteger]()

  def put(text: String): Unit = org.apache.spark.SparkContext.getOrCreate().setLocalProperty(property, text)

  /** Runs one search. Its own thread is the tuner's, except within a fit where it has no other threads. */
  def search(name: String, numFolds: Int, grid: Array[ParamMap])(body: => Unit): Unit = {
    uid = name; maps = grid; folds = numFolds; seen.clear()
    put(s"$name|tuner")
    try body finally put(null)
  }

  /** A fit with one of the param maps begins; the one after the last fold is the refit. */
  def begin(map: ParamMap): Unit = {
    val index = maps.indexWhere(_.toString == map.toString)
    val fold = seen.computeIfAbsent(index, _ => new AtomicInteger()).getAndIncrement()
    put(if (fold < folds) s"$uid|$fold|$index" else s"$uid|tuner")
  }
}

class ToldRegression(override val uid: String) extends LogisticRegression(uid) {
  def this() = this(Identifiable.randomUID("logreg"))
  override def copy(extra: ParamMap): LogisticRegression = copyValues(new ToldRegression(uid), extra)
  override def fit(data: Dataset[_], map: ParamMap): LogisticRegressionModel = { Told.begin(map); super.fit(data, map) }
}
class ToldTrees(override val uid: String) extends GBTClassifier(uid) {
  def this() = this(Identifiable.randomUID("gbtc"))
  override def copy(extra: ParamMap): GBTClassifier = copyValues(new ToldTrees(uid), extra)
  override def fit(data: Dataset[_], map: ParamMap): GBTClassificationModel = { Told.begin(map); super.fit(data, map) }
}
class ToldPipeline extends Pipeline {
  override def fit(data: Dataset[_], map: ParamMap): PipelineModel = { Told.begin(map); super.fit(data, map) }
}

val draw = new scala.util.Random(3)
val rows = (0 until 300).map { i =>
  val x = Array.fill(3)(draw.nextDouble())
  (i.toLong, if (x.sum + draw.nextDouble() > 2) 1.0 else 0.0, Vectors.dense(x), i % 3)
}
val data = spark.createDataFrame(rows).toDF("id", "label", "features", "part")
def evaluator = new BinaryClassificationEvaluator()
