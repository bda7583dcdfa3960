"""List the applications that are imported in a tracking store, and remove one."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..schemas.runs.params_tags import APP_ID_TAG, ATTEMPT_TAG, FINGERPRINT_TAG, RUNS_TAG, VERSION_TAG, WRITTEN_TAG

if TYPE_CHECKING:
    from .publish import Root


@dataclass(frozen=True, slots=True)
class ImportedApplication:
    """An imported application attempt. `state` is `unfinished` if an import was interrupted or is under way."""

    app_id: str
    attempt: str
    name: str
    state: Literal["complete", "unfinished", "deleted"]
    completeness: str | None
    runs: int | None
    written_at: str | None
    version: str | None
    experiment_id: str
    run_id: str

    def as_dict(self) -> dict[str, Any]:
        """The application as JSON-serializable values."""
        row = asdict(self)
        return {"application": row.pop("app_id"), **row}


def list_imported(
    app_ids: Sequence[str] = (),
    tracking_uri: str | None = None,
    experiment: str | None = None,
    everywhere: bool = False,
) -> list[ImportedApplication]:
    """The imported application attempts, newest first; only those in `app_ids`, unless that is empty.

    Raises:
        PublishError: the store cannot be reached.
    """
    from .publish import open_store, roots

    store = open_store(tracking_uri, experiment)
    found = roots(store, app_ids, "all" if everywhere else "this") if store is not None else ()
    return sorted(map(_application, found), key=lambda one: (one.written_at or "", one.app_id), reverse=True)


def _application(root: "Root") -> ImportedApplication:
    tags = root.tags
    runs = tags.get(RUNS_TAG, "")
    return ImportedApplication(
        tags.get(APP_ID_TAG, ""),
        tags.get(ATTEMPT_TAG, "1"),
        root.name,
        "deleted" if root.deleted else "complete" if tags.get(FINGERPRINT_TAG) else "unfinished",
        tags.get("afterglow.completeness"),
        int(runs) if runs.isdecimal() else None,
        tags.get(WRITTEN_TAG),
        tags.get(VERSION_TAG),
        root.experiment_id,
        root.run_id,
    )


def remove_application(
    application: ImportedApplication, tracking_uri: str | None = None, experiment: str | None = None
) -> int:
    """Deletes an application's runs, as MLflow deletes. Returns their number.

    Raises:
        PublishError: MLflow refused; call it again to continue.
    """
    from .publish import open_store, remove_tree, roots

    store = open_store(tracking_uri, experiment)
    if store is None:
        return 0
    found = [root for root in roots(store, [application.app_id], "all") if root.run_id == application.run_id]
    return sum(remove_tree(store, root) for root in found)
