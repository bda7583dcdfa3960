"""Annotate scikit-learn's searches on joblib-spark: params, the score of every split and the status of each fit.

The batches that joblib hands to the Spark backend name candidate and split. The scores come from the search itself,
once all fits have ended. A search on another backend runs no Spark job and is not annotated.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import encode, event_queue, framework_searches, optuna_studies
from .framework_searches import FrameworkSearch
from .monkeypatch import replace_while_enabled
from .never_raise import never_raise

FRAMEWORK = "joblib-spark"
_BACKEND = "joblibspark.backend"
_FIT = "_fit_and_score"  # sklearn.model_selection._validation


@dataclass(eq=False)
class _JoblibSearch:
    """A search in progress: the first candidate of the current round, what was dispatched, and the results so far."""

    search: FrameworkSearch
    metric: str
    first: int = 0
    params: dict[int, Any] = field(default_factory=dict)  # candidate -> its params
    batches: dict[tuple[int, int], list[tuple[int, int]]] = field(default_factory=dict)  # fit -> all fits of its job
    ends: dict[tuple[int, int], int] = field(default_factory=dict)  # fit -> end of its job
    results: list[Any] = field(default_factory=list)  # of _fit_and_score, candidate by candidate
    splits: int = 1


_searches: dict[int, _JoblibSearch] = {}  # id of the backend -> the search that uses it


def patch_search(module: Any) -> None:
    """Patch the module sklearn.model_selection._search."""
    replace_while_enabled(module.BaseSearchCV, "fit", _wrap_fit)
    replace_while_enabled(module.BaseSearchCV, "_format_results", _wrap_format_results)


def patch_backend(module: Any) -> None:
    """Patch the module joblibspark.backend."""
    kind = module.SparkDistributedBackend
    replace_while_enabled(kind, "apply_async" if "apply_async" in vars(kind) else "submit", _wrap_apply_async)


def _wrap_fit(original: Callable[..., Any]) -> Callable[..., Any]:
    def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
        backend = _spark_backend()
        joblib_search = _begin(self) if backend is not None and id(backend) not in _searches else None
        if joblib_search is None:
            return original(self, *args, **kwargs)
        _searches[id(backend)] = joblib_search

        def end(error: BaseException | None) -> None:
            _searches.pop(id(backend), None)
            _end(joblib_search, self, error)

        return framework_searches.searching(joblib_search.search, lambda: original(self, *args, **kwargs), end)

    return fit


@never_raise
def _spark_backend() -> Any | None:
    """Return the Spark backend that a Parallel of this thread would use."""
    from joblib.parallel import get_active_backend

    backend = get_active_backend()[0]
    return backend if type(backend).__module__ == _BACKEND else None


@never_raise
def _begin(search: Any) -> _JoblibSearch:
    scoring, refit = search.scoring, search.refit
    metric = scoring if isinstance(scoring, str) else refit if isinstance(refit, str) else "score"
    started = framework_searches.begin_search(
        FRAMEWORK,
        type(search).__name__,
        metric=metric,
        larger_better=True,
        estimator=type(search.estimator).__name__,
        parallelism=search.n_jobs if isinstance(search.n_jobs, int) and search.n_jobs > 0 else None,
    )
    return _JoblibSearch(started, metric)


def _wrap_format_results(original: Callable[..., Any]) -> Callable[..., Any]:
    def _format_results(self: Any, candidate_params: Any, n_splits: Any, out: Any, *args: Any, **kwargs: Any) -> Any:
        for joblib_search in [found for found in _searches.values() if found.search is _search_of_thread(found)]:
            # HalvingGridSearchCV and others call this after each round, with the candidates of all rounds.
            joblib_search.results, joblib_search.splits = list(out), int(n_splits)
            joblib_search.params.update(enumerate(candidate_params))
            joblib_search.first = len(candidate_params)
        return original(self, candidate_params, n_splits, out, *args, **kwargs)

    return _format_results


def _search_of_thread(joblib_search: _JoblibSearch) -> FrameworkSearch | None:
    backend = _spark_backend()
    return joblib_search.search if _searches.get(id(backend)) is joblib_search else None


def _wrap_apply_async(original: Callable[..., Any]) -> Callable[..., Any]:
    def apply_async(self: Any, func: Any, callback: Any = None) -> Any:
        joblib_search = _searches.get(id(self))
        if joblib_search is None:
            with optuna_studies.marking_worker(self, func):
                return original(self, func, callback)
        fits = _dispatch(joblib_search, func) or []
        trial, split = fits[0] if len(fits) == 1 else (None, None)
        # Of another call, as of a forest that is fitted in parallel after the search.
        phase = "fit" if fits else "refit"

        def done(*results: Any) -> Any:
            joblib_search.ends.update(dict.fromkeys(fits, event_queue.now_ms()))
            return callback(*results) if callback is not None else None

        with framework_searches.marking_jobs(joblib_search.search, trial, split, phase):
            return original(self, func, done if fits else callback)

    return apply_async


@never_raise
def _dispatch(joblib_search: _JoblibSearch, batch: Any) -> list[tuple[int, int]]:
    """Return the fits in a batch, as candidate and split. Empty if it is no batch of the search."""
    fits = []
    for _, _, kwargs in getattr(batch, "items", ()):
        if "candidate_progress" not in kwargs or "split_progress" not in kwargs:
            return []
        candidate = joblib_search.first + int(kwargs["candidate_progress"][0])
        joblib_search.params[candidate] = kwargs.get("parameters") or {}
        fits.append((candidate, int(kwargs["split_progress"][0])))
    joblib_search.batches.update(dict.fromkeys(fits, fits))
    return fits


def _end(joblib_search: _JoblibSearch, search: Any, error: BaseException | None) -> None:
    started, results, splits = joblib_search.search, joblib_search.results, joblib_search.splits
    for at, result in enumerate(results):
        _write_fit(joblib_search, divmod(at, splits), result)
    table = getattr(search, "cv_results_", None) if error is None else None
    for candidate in sorted(joblib_search.params):
        _write_candidate(joblib_search, candidate, table)
    means, deviations = (_column(table, f"{kind}_test_{_scorer(search)}") for kind in ("mean", "std"))
    best = getattr(search, "best_index_", None) if error is None else None
    framework_searches.end_search(
        started,
        error,
        best_index=None if best is None else int(best),
        num_folds=splits if results else None,
        avg_metrics=means,
        std_metrics=deviations,
    )


def _scorer(search: Any) -> str:
    """Return the name of the score that chooses the best candidate, as cv_results_ has it."""
    return search.refit if getattr(search, "multimetric_", False) and isinstance(search.refit, str) else "score"


def _column(table: Any, name: str) -> list[Any] | None:
    return [encode.number(value) for value in table[name]] if table is not None and name in table else None


@never_raise
def _write_fit(joblib_search: _JoblibSearch, fit: tuple[int, int], result: Any) -> None:
    scores = result["test_scores"]
    named = dict(scores) if isinstance(scores, dict) else {joblib_search.metric: scores}
    failed = result.get("fit_error")
    metric = named.pop(joblib_search.metric, None)
    further = {f"test_{name}": value for name, value in named.items()}
    if "train_scores" in result:
        train = result["train_scores"]
        trained = train if isinstance(train, dict) else {"score": train}
        further.update({f"train_{name}": value for name, value in trained.items()})
    further.update(fit_time=result["fit_time"], score_time=result["score_time"])
    start_ms, end_ms = _span(joblib_search, fit, result)
    event_queue.add(
        "fit_end",
        id=joblib_search.search.id,
        uid=joblib_search.search.uid,
        trial=fit[0],
        fold=fit[1],
        metric=None if metric is None or failed else encode.number(metric),
        metrics=framework_searches.numbers_of(further),
        status="FAILED" if failed else "FINISHED",
        error=str(failed).strip().rpartition("\n")[2][:1000] if failed else None,
        start_ms=start_ms,
        end_ms=end_ms,
    )


def _span(joblib_search: _JoblibSearch, fit: tuple[int, int], result: Any) -> tuple[int | None, int | None]:
    """Return the times of a fit that shares its job with others. Its job has the times of any other."""
    batch = joblib_search.batches.get(fit, [])
    end = joblib_search.ends.get(fit)
    if len(batch) < 2 or end is None:
        return None, None
    for later in reversed(batch[batch.index(fit) + 1 :]):
        other = joblib_search.results[later[0] * joblib_search.splits + later[1]]
        end -= math.ceil((other["fit_time"] + other["score_time"]) * 1000)
    return end - math.ceil((result["fit_time"] + result["score_time"]) * 1000), end


@never_raise
def _write_candidate(joblib_search: _JoblibSearch, candidate: int, table: Any) -> None:
    """Write the params of a candidate, and its row of cv_results_ without params and single splits."""
    columns = [name for name in table or () if not name.startswith(("param", "split"))]
    event_queue.add(
        "trial_end",
        id=joblib_search.search.id,
        uid=joblib_search.search.uid,
        trial=candidate,
        params=encode.redacted(joblib_search.params[candidate]),
        metrics=framework_searches.numbers_of({name: table[name][candidate] for name in columns}) or None,
    )
