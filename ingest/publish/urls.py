"""URLs in MLflow's UI, and the experiment's description above its table of runs.

The page reads a filter and an order from its URL, nests filtered runs, and shows the first 100.
"""

from collections.abc import Callable
from urllib.parse import quote

from ...schemas.mlflow import WORKFLOW_TYPE
from .mlflow_internals import get_request_workspace
from .views import STANDARD, View


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


def view_path(experiment_id: str, key: str) -> str:
    """A saved view of the experiment's table of runs, relative to the server."""
    return f"#/experiments/{experiment_id}/runs?{_kind()}&viewStateShareKey={key}"


def chart_path(view: str) -> str | None:
    """The same view as charts, from the path of its table; None for a page that does not know saved views."""
    return f"{view}&compareRunsMode=CHART" if "viewStateShareKey=" in view else None


def long_path(experiment_id: str, view: View) -> str:
    """The same table without its columns, for a server whose page does not know saved views."""
    return list_path(experiment_id, view.search, view.order, view.ascending)


def experiment_description(path: Callable[[View], str]) -> str:
    """The experiment's description: links to start from. `path` returns the address of a view."""
    links = " · ".join(f"[{view.name}]({path(view)})" for view in STANDARD)
    # One line: the page folds the description to its first line until it is opened.
    return (
        f"{links}\n\nSpark applications, rebuilt from their event logs by Afterglow. Every run has a description with "
        "its result, its figures and links to what is above and below it."
    )


def is_own_description(note: str | None) -> bool:
    """Whether Afterglow wrote the experiment's description; a user's description is kept."""
    return not note or "Afterglow" in note


def _kind() -> str:
    """URL parameters of every page: the kind of experiment, and the active workspace if any."""
    workspace = get_request_workspace()
    return WORKFLOW_TYPE if workspace is None else f"{WORKFLOW_TYPE}&workspace={quote(workspace, safe='')}"
