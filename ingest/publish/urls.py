"""URLs in MLflow's UI, and the experiment's description above its table of runs.

The page reads a filter and an order from its URL, nests filtered runs, and shows the first 100.
"""

from urllib.parse import quote

from ...schemas.mlflow import WORKFLOW_TYPE
from ...schemas.runs.params_tags import APP_ID_TAG, LEVEL_TAG, VIEW_TAG
from .mlflow_internals import get_request_workspace

_OVERVIEW = f"tags.`{VIEW_TAG}` = 'overview'"


def root(tracking_uri: str) -> str:
    """The URL of MLflow's UI: the server itself, or for a database the default URL of `mlflow ui`."""
    return tracking_uri.rstrip("/") if tracking_uri.startswith("http") else "http://127.0.0.1:5000"


def run_path(experiment_id: str, run_id: str) -> str:
    """A run's page, relative to the server."""
    return f"#/experiments/{experiment_id}/runs/{run_id}?{_kind()}"


def artifact_path(experiment_id: str, run_id: str, name: str) -> str:
    """A run's artifact, shown in its page, relative to the server."""
    return f"#/experiments/{experiment_id}/runs/{run_id}/artifacts/{quote(name)}?{_kind()}"


def list_path(experiment_id: str, search: str, order: str = "attributes.start_time", ascending: bool = False) -> str:
    """The experiment's table of runs, filtered and ordered, relative to the server."""
    return (
        f"#/experiments/{experiment_id}/runs?{_kind()}&searchFilter={quote(search, safe='')}"
        f"&orderByKey={quote(order, safe='')}&orderByAsc={'true' if ascending else 'false'}"
    )


def tree_path(experiment_id: str, app_id: str) -> str:
    """One application's overview, with its runs nested below it."""
    return list_path(experiment_id, f"{_OVERVIEW} and tags.`{APP_ID_TAG}` = '{_literal(app_id)}'")


def experiment_description(experiment_id: str) -> str:
    """The experiment's description: links to start from."""
    applications = list_path(experiment_id, f"tags.`{LEVEL_TAG}` = 'application'")
    overview = list_path(experiment_id, _OVERVIEW)
    stages = list_path(experiment_id, f"tags.`{LEVEL_TAG}` = 'stage'", "metrics.`time/duration_s`")
    failed = list_path(experiment_id, f"tags.`{LEVEL_TAG}` = 'stage' and attributes.status = 'FAILED'")
    skewed = list_path(experiment_id, f"tags.`{LEVEL_TAG}` = 'stage'", "metrics.`skew/duration_max_over_median`")
    # One line: the page folds the description to its first line until it is opened.
    return (
        f"[Applications]({applications}) · [with what is below them]({overview}) · [slowest stages]({stages}) · "
        f"[most skewed stages]({skewed}) · [failed stages]({failed})\n\n"
        "Spark applications, rebuilt from their event logs by Afterglow. Every run has a description with its figures "
        "and links to what is above and below it."
    )


def is_own_description(note: str | None) -> bool:
    """Whether Afterglow wrote the experiment's description; a user's description is kept."""
    return not note or "Afterglow" in note


def _kind() -> str:
    """URL parameters of every page: the kind of experiment, and the active workspace if any."""
    workspace = get_request_workspace()
    return WORKFLOW_TYPE if workspace is None else f"{WORKFLOW_TYPE}&workspace={quote(workspace, safe='')}"


def _literal(text: str) -> str:
    """A value inside a search filter's quotes. The filter language cannot escape quotes."""
    return text.replace("'", "").replace("\\", "")
