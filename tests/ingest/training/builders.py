"""Handmade evidence: jobs of searches as their logs show them, without a Spark."""

from afterglow.ingest.training.estimators import Stack
from afterglow.ingest.training.evidence import EVER, Evidence, Job, Rdd

UID = "CrossValidator_0123456789ab"


def bounds(low: float, high: float, validation: bool, uid: str = UID, attribute: int = 7) -> str:
    column = f"{uid}_rand#{attribute}"
    inside = f"(({column} >= {low}) AND ({column} < {high}))"
    outside = f"(({column} < {low}) OR ({column} >= {high}))"
    return f"*(1) Filter {inside if validation else outside}\n+- *(1) Project [x#1, rand(1) AS {column}]\n"


class Log:
    """Writes jobs one after the other; `at_once` jobs start before the one before has ended."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.rdds: dict[int, Rdd] = {}
        self.at = 0

    def rdd(
        self,
        name: str = "MapPartitionsRDD",
        parents: tuple[int, ...] = (),
        cached: bool = False,
        callsite: str = "rdd at X.scala:1",
    ) -> int:
        rdd_id = len(self.rdds)
        self.rdds[rdd_id] = Rdd(rdd_id, name, callsite, parents, cached)
        return rdd_id

    def fold(self, low: float, high: float, uid: str = UID, attribute: int = 7) -> tuple[int, int]:
        """The cached training and validation data of a fold."""
        base = self.rdd("ParallelCollectionRDD")
        train, validate = (self.rdd(bounds(low, high, side, uid, attribute), (base,), True) for side in (False, True))
        return train, validate

    def job(
        self,
        action: str,
        *rdds: int,
        estimator: str | None = None,
        evaluator: str | None = None,
        search: str | None = None,
        status: str = "SUCCEEDED",
        ends: int | None = None,
        execution: int | None = None,
    ) -> int:
        job_id = len(self.jobs)
        self.at += 10
        end = EVER if status == "RUNNING" else self.at + (ends or 5)
        self.jobs.append(
            Job(
                job_id,
                self.at,
                end,
                1000 + self.at,
                None if status == "RUNNING" else 1000 + end,
                status,
                frozenset(rdds),
                action,
                execution,
                Stack(estimator, evaluator, search),
            )
        )
        return job_id

    def trial(self, train: int, validate: int, jobs: int = 2, estimator: str = "LogisticRegression") -> list[int]:
        """One fit and its evaluation, on RDDs of its own."""
        instances, scores = self.rdd(parents=(train,)), self.rdd(parents=(validate,))
        fit = [self.job("treeAggregate at Loss.scala:1", train, instances, estimator=estimator) for _ in range(jobs)]
        evaluator = "BinaryClassificationEvaluator"
        return [*fit, self.job("collect at Metrics.scala:1", validate, scores, evaluator=evaluator)]

    def refit(self, estimator: str = "LogisticRegression", jobs: int = 2) -> list[int]:
        """Training on data that are no fold."""
        instances = self.rdd(parents=(self.rdd("ParallelCollectionRDD"),))
        return [self.job("treeAggregate at Loss.scala:1", instances, estimator=estimator) for _ in range(jobs)]

    def fit(
        self, estimator: str, steps: tuple[str, ...] = ("first", "treeAggregate"), data: tuple[int, ...] = ()
    ) -> list[int]:
        """One plain fit: each step is an action on RDDs that share nothing with those of the others."""
        return [self.job(f"{step} at {estimator}.scala:1", *data, self.rdd(), estimator=estimator) for step in steps]

    def evaluate(self, evaluator: str = "RegressionEvaluator", data: tuple[int, ...] = ()) -> int:
        """One evaluation."""
        return self.job("collect at Metrics.scala:1", *data, self.rdd(), evaluator=evaluator)

    def evidence(self) -> Evidence:
        return Evidence(tuple(self.jobs), self.rdds, mllib_files=frozenset({"X.scala"}))
