"""Compare an application with the runs of its job before it is published, and call the webhook afterwards."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from ..schemas.job_history import REGRESSION_TAG, SINCE_TAG, Verdict
from ..schemas.runs.tree import RunTree
from .errors import PublishError
from .job_history.judge import judge
from .job_run import job_run_of_tree
from .options import WebhookOptions
from .webhook import regression_event, send

if TYPE_CHECKING:
    from .publish import Experiments, Published

_MORE = 2
"""How many times as many runs are read as are compared with, since some of them failed."""


def check_history(
    tree: RunTree, experiments: "Experiments", fields: Mapping[str, str | None], compared_runs: int
) -> RunTree:
    """The tree with the verdict of its job's history in the tags and metrics of its root.

    `fields` are those of the experiment's name. With `compared_runs` 0 nothing is looked up.

    Raises:
        PublishError: the store cannot be searched.
    """
    run = job_run_of_tree(tree) if compared_runs else None
    if run is None or run.status == "RUNNING":
        return tree
    verdict = judge(run, experiments.earlier_runs(fields, run, _MORE * compared_runs), compared_runs)
    return tree if verdict is None else _with_verdict(tree, verdict)


def remember_run(tree: RunTree, experiments: "Experiments", fields: Mapping[str, str | None]) -> None:
    """Makes a run that was written part of the history of the next runs of this process."""
    run = job_run_of_tree(tree)
    if run is not None:
        experiments.remember_run(fields, run)


def notify(published: "Published", experiments: "Experiments", webhook: WebhookOptions | None) -> str | None:
    """Calls the webhook if a regression began with this application and it was not called before. Returns the error.

    The receiver gets every regression once, unless this process ends between the receiver's answer and the tag that
    records it. Then it gets the event again, with the same id.
    """
    begins = published.regression and published.since == published.app_id and published.state != "deleted"
    if webhook is None or not begins or published.sent:
        return None
    error = send(webhook, regression_event(_fields(published)))
    if error is not None:
        return error
    try:
        experiments.mark_sent(published, datetime.now(timezone.utc).isoformat(timespec="seconds"))
    except PublishError as failure:
        return f"the webhook was called, but its tag is missing, so the next import calls it again: {failure}"
    return None


def _fields(published: "Published") -> dict[str, str | None]:
    """What an event says about an application."""
    return {
        "run_id": published.run_id,
        "app_id": published.app_id,
        "app_attempt": published.app_attempt,
        "name": published.name,
        "job": published.job,
        "regression": published.regression,
        "url": published.url,
    }


def _with_verdict(tree: RunTree, verdict: Verdict) -> RunTree:
    root = tree.application
    metrics = {"history/runs": float(verdict.runs)}
    if verdict.ratios or verdict.kinds:
        metrics["history/regressions"] = float(len(verdict.kinds))
    metrics |= {f"history/{name}": value for name, value in verdict.ratios.items()}
    tags = {REGRESSION_TAG: verdict.tag, SINCE_TAG: verdict.since} if verdict.kinds else {}
    changed = replace(root, metrics={**root.metrics, **metrics}, tags={**root.tags, **tags})
    return replace(tree, runs=[changed, *tree.runs[1:]])
