"""Writes one application's run tree: exactly once, and marked complete only when all of it is there."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timezone

from ...schemas.issues import ImportIssue
from ...schemas.report import REPORT, STAGE_TASKS, ReportFiles
from ...schemas.runs.params_tags import APP_ID_TAG, FINGERPRINT_TAG, RUNS_TAG, VERSION_TAG, WRITTEN_TAG
from ...schemas.runs.tree import Run, RunTree
from ..errors import PublishError
from . import urls as page
from .artifacts import write_pictures
from .autologged_runs import adopted
from .description import describe
from .interface import Published, TreeWriter, Writer
from .limits import Fitting
from .records import datasets, record

Progress = Callable[[int, int], None]
"""Called with (runs written, runs in all)."""
Artifacts = Callable[[Iterable[ImportIssue], str], None]
"""Fills a folder with the application run's artifacts; given the issues of publishing, too."""


_PICTURE = {REPORT.file: "Report with pictures", STAGE_TASKS.file: "Picture of its tasks"}


def publish(
    tree: RunTree,
    own_run: str | None,
    artifacts: Artifacts,
    writer: Writer,
    identity: str,
    version: str,
    parent_run: str | None = None,
    progress: Progress | None = None,
    restore: bool = False,
    draw: Callable[[], ReportFiles] = ReportFiles,
) -> Published:
    """Writes the tree under `parent_run`, if given, else under the job's own run, and returns where it is.

    `own_run` is the run that the log says was active in the job, if any; `identity` the log's fingerprint. `artifacts`
    and `draw` are called only where something is written. What an earlier import left is taken up: what stands as it
    should is not written again. The application run is marked complete last. A parent run that is given is neither
    ended nor re-timed.

    Raises:
        PublishError: MLflow refused or could not be reached; the next import goes on from there.
    """
    fit = Fitting()
    above = {run.key: record(run, fit) for run in tree.runs}
    root = above[tree.application.key]
    app_id = tree.application.tags[APP_ID_TAG]
    owner = writer.owner(app_id, parent_run or own_run)
    if owner is not None and owner.experiment_id != writer.experiment_id:
        writer = writer.within(owner.experiment_id)  # the page nests runs of one experiment only
    own = adopted(tree, owner)
    total, written, done = len(tree), 0, 0
    with writer.tree(root, identity, parent_run or (owner.run_id if owner else None), own, restore) as into:
        if into.settled is not None:
            return into.settled
        try:
            into.reserve(list(above.values()))
            pictures = draw()
            for stage in tree.tasks.values():
                for run in stage:
                    written, done = written + into.write(record(run, fit)), done + 1
                    if progress is not None:
                        progress(done, total)
            into.flush()  # descriptions link to tasks, whose ids are known now
            notes = dict(_descriptions(tree, into, writer.experiment_id, fit, pictures))
            for key, one in reversed(above.items()):  # children first: nobody sees a parent finished before them
                written, done = written + into.write(one, notes[key]), done + 1
                if progress is not None:
                    progress(done, total)
            into.flush()
            into.datasets(datasets(tree.datasets))
            with tempfile.TemporaryDirectory(prefix="afterglow-") as folder:
                artifacts(fit.issues.values(), folder)
                _pictures(into, root.key, pictures, folder)
            now = datetime.now(timezone.utc).isoformat(timespec="seconds")
            into.finish({FINGERPRINT_TAG: identity, VERSION_TAG: version, WRITTEN_TAG: now, RUNS_TAG: str(total)})
            if into.settled is not None:  # another import was there first after all
                return into.settled
            root_id = into.run_id(root.key)
        except PublishError as error:
            left = f"{into.kept + done - written:,} of {total:,} runs are written"
            raise PublishError(
                f"{error}; {left}, the tree is not complete: import the log again to finish it"
            ) from error
    writer.describe_experiment(page.experiment_description(writer.experiment_id))
    return Published(writer.experiment_id, root_id, total, written, writer.url(app_id))


def _pictures(into: TreeWriter, root: str, pictures: ReportFiles, folder: str) -> None:
    """Uploads the root's folder, with its pictures, and those of the other runs."""
    write_pictures(pictures.files.get(root, {}), folder)
    into.artifacts(root, folder)
    for key, files in pictures.files.items():
        if key != root:
            with tempfile.TemporaryDirectory(prefix="afterglow-") as own:
                write_pictures(files, own)
                into.artifacts(key, own)


def _descriptions(
    tree: RunTree, into: TreeWriter, experiment_id: str, fit: Fitting, pictures: ReportFiles
) -> Iterator[tuple[str, str]]:
    below, by_key = tree.children(), {run.key: run for run in tree.runs}

    def link(key: str) -> str:
        return page.run_path(experiment_id, into.run_id(key))

    def text(run: Run) -> str:
        own = describe(run, below, by_key.get(run.parent or ""), link, tree.tasks.get(run.key, ()))
        drawn = [
            f"[{_PICTURE[file]}]({page.artifact_path(experiment_id, into.run_id(run.key), file)})"
            for file in pictures.files.get(run.key, ())
        ]
        if drawn:  # the page shows the first lines and hides the rest
            first, gap, rest = own.partition("\n\n")
            own = f"{first} {' · '.join(drawn)}{gap}{rest}"
        if run.level == "application":
            own += f"\n\n[All of it as a tree]({page.tree_path(experiment_id, run.tags[APP_ID_TAG])})"
        return fit.tag(own)

    return ((run.key, text(run)) for run in tree.runs)
