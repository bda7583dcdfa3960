"""The recognizer of Spark Connect: the searches and fits of every session."""

from collections import Counter
from collections.abc import Collection, Iterable

from ....schemas.connect import ConnectOperation
from ..evidence import Evidence
from ..interface import EstimatorName, Fit, Phase, Recognition, Search, Status
from ..mllib.fold_markers import FoldMarker, marker_of_text
from .fit_chains import Chain
from .searches import ConnectSearch, session_training

FRAMEWORK = "spark-connect"
_UNCERTAIN = 0.9  # stages or models of trials that ran at the same moment: the order of answers tells them apart


def recognize(evidence: Evidence, claimed: Collection[int]) -> Recognition:
    """The searches and fits that clients ran over Spark Connect. A job belongs to the operation that submitted it, so
    `claimed` does not matter."""
    searches: list[Search] = []
    fits: list[Fit] = []
    estimators: dict[int, EstimatorName] = {}
    names: Counter[str] = Counter()
    marks = _marks(evidence)
    by_session: dict[str, list[ConnectOperation]] = {}
    for one in evidence.operations:
        by_session.setdefault(one.session_id, []).append(one)
        if one.statement.kind == "fit":
            name = EstimatorName(one.statement.operator_class, one.statement.uid)
            estimators.update(dict.fromkeys(one.jobs, name))
    for operations in by_session.values():
        trained = session_training(operations, marks)
        for found in trained.searches:
            searches.append(_search(found))
        for chain in trained.fits:
            fits.extend(_plain_fits(chain, names))
    return Recognition(searches, fits, estimators)


def _marks(evidence: Evidence) -> dict[str, list[FoldMarker]]:
    """Operation id -> the folds that the plans and RDDs of its jobs show."""
    jobs = {job.job_id: job for job in evidence.jobs}
    found: dict[str, list[FoldMarker]] = {}
    of_text: dict[str, FoldMarker | None] = {}
    for one in evidence.operations:
        texts: dict[str, None] = {}
        for job in (jobs[job_id] for job_id in one.jobs if job_id in jobs):
            if job.execution is not None:
                texts.update(dict.fromkeys(evidence.filters.get(job.execution, ())))
            names = (evidence.rdds[rdd].name for rdd in sorted(job.rdds) if rdd in evidence.rdds)
            texts.update(dict.fromkeys(name for name in names if "_rand#" in name))
        for text in texts:
            if text not in of_text:
                of_text[text] = marker_of_text(text)
        found[one.operation_id] = [mark for mark in map(of_text.get, texts) if mark is not None]
    return found


def _search(found: ConnectSearch) -> Search:
    search = Search(
        found.uid,
        FRAMEWORK,
        "exact",
        confidence=_confidence(found.certain),
        found_by="operation",
        kind=found.kind,
        num_folds=found.num_folds,
    )
    for one in found.fits:
        fit = search.fit(one.trial, one.fold)
        fit.confidence = _confidence(one.chain.certain)
        fit.jobs.update(_phases(one.chain))
        fit.estimator = one.chain.last.statement.operator_class
        fit.estimator_uid = one.chain.last.statement.uid
        fit.status = _status(one.chain.operations)
    search.params = dict(enumerate(found.params))
    for operation in found.prepare:
        search.jobs.update(dict.fromkeys(operation.jobs, "prepare"))
    if found.refit is not None:
        for operation in found.refit.fits:
            search.jobs.update(dict.fromkeys(operation.jobs, "refit"))
        params = found.refit.params
        search.best_trial = _trial_with(params, found)
    search.ends_with_refit = True
    classes = Counter(fit.chain.last.statement.operator_class for fit in found.fits)
    search.estimator = next((name for name, _ in classes.most_common(1)), None)
    search.estimator_uid = found.fits[0].chain.last.statement.uid if found.fits else None
    evaluations = [one for fit in found.fits for one in fit.chain.evaluations]
    search.evaluator = next((one.statement.operator_class for one in evaluations), None)
    search.metric = next((str(dict(one.statement.params)["metricName"]) for one in evaluations if _metric(one)), None)
    return search


def _metric(evaluation: ConnectOperation) -> bool:
    """The request names a metric only where it is not the evaluator's default."""
    return dict(evaluation.statement.params).get("metricName") is not None


def _trial_with(params: dict[tuple[int, str], object], found: ConnectSearch) -> int | None:
    """The trial whose fits had exactly these params: the one that was trained again; None where several had."""
    same = {fit.trial for fit in found.fits if fit.chain.params == params}
    return same.pop() if len(same) == 1 else None


def _plain_fits(chain: Chain, names: Counter[str]) -> Iterable[Fit]:
    """A fit of each stage; those before the last are called by the Pipeline, which leaves no request of its own."""
    for stage in chain.fits:
        uid = stage.statement.uid or stage.statement.operator_class or "fit"
        names[uid] += 1
        fit = Fit(FRAMEWORK, "exact", _confidence(chain.certain))
        fit.fit_uid = uid if names[uid] == 1 else f"{uid}.{names[uid]}"
        fit.estimator, fit.estimator_uid = stage.statement.operator_class, stage.statement.uid
        fit.params = {key: value for key, value in stage.statement.params if value is not None}
        fit.jobs.update(dict.fromkeys(stage.jobs, "fit"))
        if stage is chain.last:
            for evaluation in chain.evaluations:
                fit.jobs.update(dict.fromkeys(evaluation.jobs, "evaluate"))
        fit.status = _status([stage])
        yield fit


def _phases(chain: Chain) -> dict[int, Phase]:
    phases: dict[int, Phase] = {job: "fit" for one in chain.fits for job in one.jobs}
    phases.update({job: "evaluate" for one in chain.evaluations for job in one.jobs})
    return phases


def _status(operations: Iterable[ConnectOperation]) -> Status | None:
    states = {one.status for one in operations}
    if states & {"FAILED", "CANCELED"}:
        return "FAILED"
    return "RUNNING" if "RUNNING" in states else None


def _confidence(certain: bool) -> float:
    return 1.0 if certain else _UNCERTAIN
