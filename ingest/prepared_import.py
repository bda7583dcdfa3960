"""A log that was read and derived, ready to be published here or by another process."""

import pickle
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ..schemas.issues import ImportIssue
from ..schemas.logs import EventLog
from ..schemas.report import ReportFiles
from ..schemas.runs.tree import RunTree
from .application_view import ApplicationView

Artifacts = Callable[[Iterable[ImportIssue], str], None]
"""Fills a folder with the artifacts of the application run, given the issues of publishing."""


@dataclass(frozen=True, slots=True)
class PreparedImport:
    """What publishing needs. `tree` is None where no runs are requested; `draw` and `artifacts` are called only where
    something is written."""

    log: EventLog
    application: Mapping[str, Any]
    experiment_fields: Mapping[str, str | None]
    tree: RunTree | None
    draw: Callable[[], ReportFiles]
    artifacts: Artifacts

    def detached(self, artifacts: Artifacts | None) -> "PreparedImport":
        """The same without references to the tables: everything lazy is computed, so that it can be pickled."""
        if self.tree is None or artifacts is None:
            return replace(self, draw=ReportFiles, artifacts=_no_artifacts)
        tree = replace(self.tree, tasks={key: list(runs) for key, runs in self.tree.tasks.items()})
        return replace(self, tree=tree, draw=partial(_return, self.draw()), artifacts=artifacts)

    def to_bytes(self) -> bytes:
        """Pickles a detached import."""
        return pickle.dumps(self, pickle.HIGHEST_PROTOCOL)


def experiment_fields(app: ApplicationView) -> dict[str, str | None]:
    """The values that an experiment's name may refer to: {app_name}, {user} and {queue}."""
    row = app.application
    return {"app_name": row["name"], "user": row["user"], "queue": app.properties.get("spark.yarn.queue")}


def _no_artifacts(issues: Iterable[ImportIssue], folder: str) -> None:
    """Of a log without runs."""


def _return(files: ReportFiles) -> ReportFiles:
    return files
