"""Which estimator a job ran for, where a pipeline trains several and stacks are cut."""

from afterglow.ingest.training.estimator_names import name_estimators
from afterglow.ingest.training.estimators import Stack, read_stack
from afterglow.ingest.training.evidence import Evidence, Job, Rdd

TRAIN = "org.apache.spark.ml.classification.LogisticRegression.trainImpl(LogisticRegression.scala:995)\n"
FIT = "org.apache.spark.ml.Predictor.fit(Predictor.scala:115)"


def test_a_cut_stack_may_still_show_the_fit() -> None:
    assert read_stack(TRAIN + FIT, 20) == Stack("LogisticRegression", whole=False, fit=True, package="classification")
    assert read_stack(TRAIN, 20) == Stack("LogisticRegression", whole=False, package="classification")
    assert read_stack(FIT, 20) == Stack(whole=False)


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
