"""The annotations of each run: params and tags without losing one, metrics with their history."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...schemas.annotations import NON_FINITE
from ...schemas.issues import ImportIssue

Row = dict[str, Any]
FitKey = tuple[str | None, int | None, int | None, str | None]
"""The key of a row of the table fits: tuning_uid, trial, fold, fit_uid."""
_NAMESPACE = uuid.UUID("6b2f4d1e-6f0e-5c52-9c59-0f6f0c9d6a11")


@dataclass(slots=True)
class AnnotationState:
    """The tables under way, by key, and the values of each run."""

    names: Mapping[str, str]
    fit_keys: Mapping[str, FitKey]
    tunings: dict[Any, Row]
    trials: dict[Any, Row]
    fits: dict[Any, Row]
    runs: dict[str, Row] = field(default_factory=dict)
    values: list[Row] = field(default_factory=list)
    known: dict[tuple[str, str, str], str] = field(default_factory=dict)
    task_values: list[tuple[int, int, str, float]] = field(default_factory=list)
    models: list[Row] = field(default_factory=list)
    mlflow: tuple[str | None, str | None] = (None, None)
    issues: list[ImportIssue] = field(default_factory=list)

    def text(self, target: str, kind: str, name: str, value: Any, by: str) -> None:
        """A param or tag. The same name with another value gets a suffix that is the same at every import: it is made
        of `by`, which names the writer, and of nothing else in the log."""
        shown = value if isinstance(value, str) else json.dumps(value)
        free, tries = name, 0
        while self.known.setdefault((target, kind, free), shown) != shown:
            tries += 1
            written_by = f"{target} {by} {name}" + (f" {tries} {shown}" if tries > 1 else "")
            free = f"{name}_{str(uuid.uuid5(_NAMESPACE, written_by))[:8]}"
        if free != name:
            message = f"{kind} {name!r} was logged twice with different values; the later value is {free}"
            self.issues.append(ImportIssue("annotation_collides", message))
        self.values.append({"target": target, "kind": kind, "name": free, "text": shown})

    def texts(self, target: str, kind: str, values: Mapping[str, Any] | None, by: str) -> None:
        """Several of them."""
        for name, value in (values or {}).items():
            self.text(target, kind, str(name), value, by)

    def metric(self, target: str, name: str, value: Any, step: int, time_ms: int | None) -> None:
        """One value of a metric."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            self.values.append(
                {
                    "target": target,
                    "kind": "metric",
                    "name": name,
                    "value": float(value),
                    "step": step,
                    "time_ms": time_ms,
                }
            )

    def metrics(self, target: str, values: Mapping[str, Any] | None, time_ms: int) -> None:
        """One value of several metrics. Texts are numbers that JSON lacks."""
        for name, value in (values or {}).items():
            self.metric(
                target, str(name), NON_FINITE.get(value, value) if isinstance(value, str) else value, 0, time_ms
            )

    def training(self, target: str, event: Row, end_ms: int | None) -> None:
        """Loss per iteration, its times spread over the training, and the summary's figures."""
        start = event.get("start_ms") or event["time_ms"]
        end = end_ms or event.get("end_ms") or event["time_ms"]
        for stage, losses in event.get("loss", {}).items():
            for step, loss in enumerate(losses):
                self.metric(target, f"loss/{stage}", loss, step, start + (end - start) * (step + 1) // len(losses))
        for name, value in event.get("figures", {}).items():
            self.metric(target, str(name), value, 0, end)


def fit_target(key: FitKey) -> str:
    """The key of a fit's run below the application's, as derive has it."""
    tuning, trial, fold, uid = key
    place = "" if tuning is None else f"tuning/{tuning}/" + ("" if trial is None else f"trial/{trial}/")
    return f"{place}fold/{fold}" if uid is None else f"{place}fit/{uid}"
