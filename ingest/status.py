"""What is imported in a tracking store, and taking it out again."""

from collections.abc import Sequence
from typing import Any


def imported_applications(
    app_ids: Sequence[str], tracking_uri: str | None = None, experiment: str | None = None, everywhere: bool = False
) -> list[dict[str, Any]]:
    """The imported application attempts, newest first; of these applications only, where any is named.

    `state` is complete, unfinished (an import was interrupted, or goes on) or deleted.

    Raises:
        PublishError: the store cannot be reached.
    """
    from .publish import open_existing

    store = open_existing(tracking_uri, experiment)
    roots = store.roots(app_ids, "all" if everywhere else "this") if store is not None else []
    rows = [_row(root) for root in roots]
    return sorted(rows, key=lambda row: (row["written_at"] or "", row["application"]), reverse=True)


def _row(root: Any) -> dict[str, Any]:
    tags = root.tags
    runs = tags.get("afterglow.runs", "")
    complete = "complete" if tags.get("afterglow.import_fingerprint") else "unfinished"
    return {
        "application": tags.get("spark.app.id", ""),
        "attempt": root.key.rpartition("/")[2],
        "name": root.name,
        "state": "deleted" if root.deleted else complete,
        "completeness": tags.get("afterglow.completeness"),
        "runs": int(runs) if runs.isdecimal() else None,
        "written_at": tags.get("afterglow.written_at"),
        "version": tags.get("afterglow.version"),
        "experiment_id": root.experiment_id,
        "run_id": root.run_id,
    }


def remove_application(row: dict[str, Any], tracking_uri: str | None = None, experiment: str | None = None) -> int:
    """Deletes the tree of one of `imported`'s rows; how many runs that were.

    Raises:
        PublishError: MLflow refused; calling it again goes on from there.
    """
    from .publish import open_existing

    store = open_existing(tracking_uri, experiment)
    roots = store.roots([row["application"]], "all") if store is not None else []
    return sum(store.remove(root) for root in roots if root.run_id == row["run_id"]) if store is not None else 0
