"""Which estimator a job ran for, where a pipeline trains several and stacks are cut."""

from afterglow.ingest.training.estimator_names import evaluators_of_queries, name_estimators
from afterglow.ingest.training.estimators import Stack, read_stack
from afterglow.ingest.training.evidence import Evidence, Job, Rdd

TRAIN = "org.apache.spark.ml.classification.LogisticRegression.trainImpl(LogisticRegression.scala:995)\n"
FIT = "org.apache.spark.ml.Predictor.fit(Predictor.scala:115)"


def test_a_cut_stack_may_still_show_the_fit() -> None:
    assert read_stack(TRAIN + FIT, 20) == Stack("LogisticRegression", whole=False, fit=True, package="classification")
    assert read_stack(TRAIN, 20) == Stack("LogisticRegression", whole=False, package="classification")
    assert read_stack(FIT, 20) == Stack(whole=False)


def test_an_estimator_of_another_library_is_the_class_whose_train_predictor_fit_calls() -> None:
    lightgbm = "com.microsoft.azure.synapse.ml.lightgbm."
    below = f"{lightgbm}LightGBMBase.train(LightGBMBase.scala:36)\n"
    train = f"{lightgbm}LightGBMClassifier.train(LightGBMClassifier.scala:27)\n"
    found = read_stack(below + train + FIT, 14)
    assert found == Stack("LightGBMClassifier", fit=True) and found.is_of_another_library
    assert read_stack(f"{below}com.acme.Job.train(Job.scala:3)\n", 14) == Stack()
    assert not read_stack(TRAIN + FIT, 20).is_of_another_library


def test_rdds_of_a_feature_stage_say_nothing_of_who_reads_them() -> None:
    pca = Rdd(1, "MapPartitionsRDD", "map at PCA.scala:44", (), False)
    blocks = Rdd(2, "MapPartitionsRDD", "mapPartitions at LogisticRegression.scala:965", (1,), True)

    def job(number: int, rdds: set[int], stack: Stack) -> Job:
        return Job(number, number, number + 1, None, None, "SUCCEEDED", frozenset(rdds), "x", None, stack)

    jobs = (
        job(0, {1}, Stack("PCA")),
        job(1, {1}, read_stack(TRAIN + FIT, 20)),  # reads what the PCA made, before it has RDDs of its own
        job(2, {1, 2}, read_stack(TRAIN, 20)),  # a later iteration, its stack deeper
    )
    named = name_estimators(Evidence(jobs, {1: pca, 2: blocks}))
    assert [named[number][0] for number in range(3)] == ["PCA", "LogisticRegression", "LogisticRegression"]


def test_a_query_of_an_evaluation_is_not_the_estimator_s_whose_rdds_the_model_carries() -> None:
    factors = Rdd(1, "MapPartitionsRDD", "map at ALS.scala:988", (), True)
    scan = Rdd(2, "MapPartitionsRDD", "map at ALS.scala:1000", (1,), False)
    pool = "$anonfun$withThreadLocalCaptured$1 at FutureTask.java:264"

    def job(number: int, rdds: set[int], action: str, stack: Stack) -> Job:
        return Job(number, number, number + 1, None, None, "SUCCEEDED", frozenset(rdds), action, None, stack)

    jobs = (
        job(0, {1}, "count at ALS.scala:1", Stack("ALS")),
        job(1, {1}, pool, Stack()),  # of the training: no evaluation has read its newest RDD
        job(2, {1, 2}, "rdd at RegressionEvaluator.scala:1", Stack(evaluator="RegressionEvaluator")),
        job(3, {1, 2}, pool, Stack()),
    )
    log = Evidence(jobs, {1: factors, 2: scan})
    assert evaluators_of_queries(log) == {3: "RegressionEvaluator"}
    assert {number: name.estimator for number, name in name_estimators(log).items()} == {0: "ALS", 1: "ALS"}
