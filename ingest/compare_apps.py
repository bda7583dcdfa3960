"""Two applications, from logs or from MLflow, through compare."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..schemas.comparison import Comparison
from .application_view import ApplicationView
from .errors import InputError
from .find_logs import find_log
from .options import ReadOptions
from .pipeline import derive_tree, read_view

_ODD = re.compile(r"[^\w.\-]")


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison, the limits that it breaks, its HTML file, and B's application run, where B is imported."""

    comparison: Comparison
    broken: Sequence[str]
    html: bytes
    root: Any


def compare_applications(
    a: str,
    b: str,
    fail_if: Sequence[str] = (),
    tracking_uri: str | None = None,
    experiment: str | None = None,
    options: ReadOptions | None = None,
) -> Compared:
    """Compares two applications, each named by a log, an application id or a run id.

    Anything that is not a path is looked up in the tracking store.

    Raises:
        InputError: one is not found, or a limit has another form than METRIC > NUMBER.
        AssemblyError: a log holds no application.
        PublishError: MLflow cannot be reached.
    """
    from . import compare as stage

    conditions = check_limits(fail_if)
    before, _ = _view(a, tracking_uri, experiment, options)
    after, root = _view(b, tracking_uri, experiment, options)
    sides = [stage.side_of(derive_tree(app, "none"), app.tables, label) for app, label in ((before, a), (after, b))]
    found = stage.compare(*sides)
    broken = [text for one in conditions for text in stage.broken(one, found)]
    if conditions:
        broken = [*found.problems, *broken]
    return Compared(found, broken, stage.page(found, broken), root)


def _view(
    named: str, tracking_uri: str | None, experiment: str | None, options: ReadOptions | None
) -> tuple[ApplicationView, Any]:
    if os.path.exists(named) or "://" in named or any(sign in named for sign in "*?["):
        return read_view(find_log(named, (options or ReadOptions()).history_server), options), None
    from .publish import find_root, stored_tables

    root = find_root(named, tracking_uri, experiment)
    return ApplicationView(stored_tables(root, tracking_uri, experiment)), root


def check_limits(fail_if: Sequence[str]) -> list[Any]:
    """What --fail-if says, read.

    Raises:
        InputError: a limit has another form than METRIC > NUMBER, or names no metric.
    """
    from . import compare as stage

    return [stage.condition(text) for text in fail_if]


def comparison_rows(of: Comparison) -> tuple[list[dict[str, Any]], list[dict[str, str]], list[dict[str, str]]]:
    """A comparison for the terminal: stages, new findings, findings gone."""
    from . import compare as stage

    return stage.stage_rows(of), stage.finding_rows(of.findings_new), stage.finding_rows(of.findings_gone)


def attach_comparison(compared: Compared, tracking_uri: str | None = None, experiment: str | None = None) -> str:
    """Writes the HTML file as an artifact of B's run; its name there.

    Raises:
        InputError: B is a log, which has no run.
        PublishError: MLflow refused.
    """
    from .publish import attach as attach_to

    if compared.root is None:
        raise InputError(f"{compared.comparison.b.label}: is a log; --attach needs an application that is imported")
    a = compared.comparison.a
    name = f"compared_with_{_ODD.sub('_', '_'.join(filter(None, (a.app_id, a.app_attempt))))[:100]}.html"
    attach_to(compared.root, name, compared.html, tracking_uri, experiment)
    return name
