"""Convert a run tree to records within MLflow's limits, with metric histories, in writing order."""

import hashlib
from collections.abc import Callable, Iterable, Mapping

from ...schemas import mlflow as strings
from ...schemas.runs.params_tags import KEY_TAG, LEVEL_TAG, RESULT_TAG, TO_DO_TAG, VIEW_TAG
from ...schemas.runs.tree import Run, Source
from ..control_characters import replace_controls
from .interface import Dataset, Metric, RunRecord
from .limits import LimitEnforcer, distinct_names

_PLACES = {RESULT_TAG: 0, TO_DO_TAG: 0, LEVEL_TAG: 2, KEY_TAG: 2, VIEW_TAG: 2}


def record(run: Run, limits: LimitEnforcer) -> RunRecord:
    """A run's record. `limits` keeps an issue for each text that is cut or renamed."""
    name = limits.run_name(run.name)
    ordered = sorted(run.tags.items(), key=lambda tag: _PLACES.get(tag[0], 1))  # the page shows them in this order
    tags = _texts(dict(ordered), limits, limits.tag)
    if strings.USER in tags:
        tags[strings.USER] = limits.user(tags[strings.USER])
    params = _texts(run.params, limits, limits.param)
    metrics = _metrics(run, limits)
    content = repr((run.parent, name, run.status, run.start_ms, run.end_ms, tags, params, metrics))
    return RunRecord(
        run.key, run.parent, name, run.status, run.start_ms, run.end_ms, tags, params, metrics, text_digest(content)
    )


def _texts(texts: Mapping[str, str], limits: LimitEnforcer, text: Callable[[str], str]) -> dict[str, str]:
    """Tags or params within the limits; `text` is what the limits do to a value."""
    if limits.accepts(tuple(texts)):
        return {name: text(value) for name, value in texts.items()}
    values = {limits.key(name): text(value) for name, value in texts.items()}
    return {written: values[name] for name, written in distinct_names(tuple(values)).items()}


def text_digest(text: str) -> str:
    """A digest to detect whether a text has changed: 128 bits as hexadecimal digits."""
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _metrics(run: Run, limits: LimitEnforcer) -> list[Metric]:
    at = run.end_ms if run.end_ms is not None else run.start_ms
    names = (*run.metrics, *run.history)
    if not limits.accepts(names):
        distinct = distinct_names(tuple(map(limits.key, names)))
        names = tuple(distinct[limits.key(name)] for name in names)
    values = zip(names, run.metrics.values(), strict=False)
    metrics = [(name, float(value), at, 0) for name, value in values]
    for name, points in zip(names[len(run.metrics) :], run.history.values(), strict=True):
        metrics += [(name, float(value), time_ms, step) for step, time_ms, value in points]
    return metrics


def datasets(sources: Iterable[Source]) -> list[Dataset]:
    """Sources as MLflow datasets: named by the table of the catalog, else by the path.

    The digest is that of the location, because the log does not contain the files' content.
    """
    found = []
    for form, location, table in sources:
        location = replace_controls(location).encode("utf-8", "replace").decode()[: strings.MAX_DATASET_SOURCE]
        digest = hashlib.sha256(f"{form} {location}".encode("utf-8", "replace")).hexdigest()[:32]
        last = location.rstrip("/").rsplit("/", 1)[-1] or location
        name = (replace_controls(table or "") or last)[: strings.MAX_DATASET_NAME]
        found.append(Dataset(name or form, digest, f"spark_{form.lower()}"[:36], location))
    return found
