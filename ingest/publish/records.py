"""Run tree -> records within MLflow's limits, metrics with their history, in the order in which they are written."""

import hashlib
from collections.abc import Iterable, Iterator

from ...schemas import mlflow as limits
from ...schemas.runs.tree import Run
from ..control_characters import replace_controls
from .interface import Dataset, Metric, RunRecord
from .limits import Fitting, apart


def record(run: Run, fit: Fitting) -> RunRecord:
    """A run's record; what had to be cut or renamed is noted in `fit`."""
    name = fit.run_name(run.name)
    tags = _apart({fit.key(tag): fit.tag(value) for tag, value in run.tags.items()})
    if limits.USER in tags:
        tags[limits.USER] = fit.user(tags[limits.USER])
    params = _apart({fit.key(param): fit.param(value) for param, value in run.params.items()})
    metrics = list(_metrics(run, fit))
    content = repr((run.parent, name, run.status, run.start_ms, run.end_ms, tags, params, metrics))
    return RunRecord(
        run.key, run.parent, name, run.status, run.start_ms, run.end_ms, tags, params, metrics, short_hash(content)
    )


def _apart(values: dict[str, str]) -> dict[str, str]:
    return {written: values[name] for name, written in apart(tuple(values)).items()}


def short_hash(text: str) -> str:
    """Says whether a text is the one that was written before; 48 bits."""
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=6).hexdigest()


def _metrics(run: Run, fit: Fitting) -> Iterator[Metric]:
    at = run.end_ms if run.end_ms is not None else run.start_ms
    names = apart(tuple(map(fit.key, (*run.metrics, *run.history))))
    for name, value in run.metrics.items():
        yield names[fit.key(name)], float(value), at, 0
    for name, points in run.history.items():
        key = names[fit.key(name)]
        for step, time_ms, value in points:
            yield key, float(value), time_ms, step


def datasets(sources: Iterable[tuple[str, str]]) -> list[Dataset]:
    """(format, location) of what the application read, as MLflow datasets; the digest is of the location, since the
    log does not say what the files held."""
    found = []
    for kind, location in sources:
        location = replace_controls(location).encode("utf-8", "replace").decode()[: limits.MAX_DATASET_SOURCE]
        digest = hashlib.sha256(f"{kind} {location}".encode("utf-8", "replace")).hexdigest()[:8]
        name = (location.rstrip("/").rsplit("/", 1)[-1] or location)[: limits.MAX_DATASET_NAME]
        found.append(Dataset(name or kind, digest, f"spark_{kind.lower()}"[:36], location))
    return found
