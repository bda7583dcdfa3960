"""Places that the training job itself wrote down, as local properties of its jobs: they win over the log's hints."""

from collections.abc import Iterable, Mapping
from typing import Any

from ...schemas import annotations
from .mllib.job_assignment import Place


def annotated_places(job_properties: Iterable[Mapping[str, Any]], names: Mapping[str, str]) -> dict[int, Place]:
    """Job id -> place, for the jobs that carry `afterglow.tuning`. What is no number or no phase is read as missing.

    `names` maps the id of one call of fit to its tuning_uid, as one object may be fitted again.
    """
    told: dict[int, dict[str, str]] = {}
    for row in job_properties:
        if row["job_id"] is not None and row["key"] in _KEYS:
            told.setdefault(row["job_id"], {})[row["key"]] = row["value"]
    places = {}
    for job_id, keys in told.items():
        uid = names.get(keys.get(annotations.TUNING_ID, ""), keys.get(annotations.TUNING))
        if uid:
            trial, fold = _number(keys.get(annotations.TRIAL)), _number(keys.get(annotations.FOLD))
            phase = keys.get(annotations.PHASE)
            if phase not in annotations.PHASES:
                phase = "prepare" if trial is None else "fit"
            inside = trial is not None and phase in ("fit", "evaluate")
            places[job_id] = Place(uid, trial if inside else None, (fold or 0) if inside else None, phase)  # type: ignore[arg-type]
    return places


_KEYS = (annotations.TUNING, annotations.TUNING_ID, annotations.TRIAL, annotations.FOLD, annotations.PHASE)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else None
