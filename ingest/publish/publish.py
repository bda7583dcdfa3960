"""Writes one application's run tree: exactly once, and marked complete only when all of it is there."""

import hashlib
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace

from ...schemas import mlflow as strings
from ...schemas.logs import EventLog, EventLogTables
from ...schemas.runs import APP_ID_TAG, COMPLETE_TAG, VERSION_TAG, Run, RunTree
from . import page
from .adopt import adopted
from .artifacts import write_artifacts
from .describe import describe
from .interface import Published, RunRecord, Writer
from .names import Fitting
from .plan import datasets, plan

Progress = Callable[[int, int], None]
"""Called with (runs written, runs in all)."""


def fingerprint(log: EventLog, version: str, options: str) -> str:
    """What an import depends on: the log's files as they are now, the Afterglow that reads them, the options."""
    # A History Server does not say how large a log is, but when it was last updated.
    parts = [
        version,
        options,
        *(f"{file.name.rsplit('/', 1)[-1]} {file.size or file.modified_ms}" for file in log.files),
    ]
    if any("://" in file.uri and not file.size for file in log.files):
        parts.append(log.name)
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def publish(
    tree: RunTree,
    tables: EventLogTables,
    writer: Writer,
    identity: str,
    version: str,
    parent_run: str | None = None,
    progress: Progress | None = None,
) -> Published:
    """Writes the tree under `parent_run`, if given, and returns where it is.

    `identity` is the log's fingerprint. What an earlier, interrupted import left is taken up; the application run is
    marked complete last. A parent run that is given is neither ended nor re-timed.

    Raises:
        PublishError: MLflow refused or could not be reached; the next import goes on from there.
    """
    records, issues = plan(tree)
    app_id = tree.application.tags[APP_ID_TAG]
    owner = writer.owner(app_id, parent_run or tables.application["mlflow_run_id"])
    if owner is not None and owner.experiment_id != writer.experiment_id:
        writer = writer.within(owner.experiment_id)  # the page nests runs of one experiment only
    own = adopted(tree, owner)
    known = {**writer.existing(app_id, tree.application.key), **own}
    ids = writer.create(records, known, parent_run or (owner.run_id if owner else None))
    root = ids[tree.application.key]
    writer.set_tags(root, {COMPLETE_TAG: "", VERSION_TAG: version})
    notes = _descriptions(tree, ids, writer.experiment_id)
    for done, record in enumerate(reversed(records)):  # children first: nobody sees a parent finished before them
        note = notes.get(record.key)
        if note is not None:
            record = _with_tag(record, strings.NOTE, note)
        writer.fill(record, ids[record.key])
        if record.key not in own:  # a run of the job's own is neither ended nor re-timed
            writer.finish(record, ids[record.key])
        if progress is not None:
            progress(done + 1, len(records))
    writer.datasets(root, datasets(tree.datasets))
    with tempfile.TemporaryDirectory(prefix="afterglow-") as folder:
        write_artifacts(tables, issues, folder)
        writer.artifacts(root, folder)
    writer.describe_experiment(page.experiment_description(writer.experiment_id))
    writer.set_tags(root, {COMPLETE_TAG: identity})
    return Published(writer.experiment_id, root, len(records), len(records), writer.url(app_id))


def _descriptions(tree: RunTree, ids: Mapping[str, str], experiment_id: str) -> Mapping[str, str]:
    below, by_key = tree.children(), {run.key: run for run in tree.runs}
    fit = Fitting()

    def link(key: str) -> str:
        return page.run_path(experiment_id, ids[key])

    def text(run: Run) -> str:
        own = describe(run, below, by_key.get(run.parent or ""), link)
        if run.level == "application":
            own += f"\n\n[All of it as a tree]({page.tree_path(experiment_id, run.tags[APP_ID_TAG])})"
        return fit.tag(own)

    return {run.key: text(run) for run in tree.runs if run.level != "task"}


def _with_tag(record: RunRecord, name: str, value: str) -> RunRecord:
    return replace(record, tags={**record.tags, name: value})
