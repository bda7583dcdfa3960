"""Write one application's run tree exactly once, and mark it complete after everything is written."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import partial

from mlflow.entities import Run as StoredRun

from ...schemas import mlflow as strings
from ...schemas.issues import ImportIssue
from ...schemas.report import REPORT, STAGE_TASKS, ReportFiles
from ...schemas.runs.params_tags import APP_ID_TAG, FINGERPRINT_TAG, RUNS_TAG, STUDY_TAG, VERSION_TAG, WRITTEN_TAG
from ...schemas.runs.tree import Run, RunTree
from ..errors import PublishError
from . import urls
from .artifacts import link_report, write_empty_tables, write_pictures
from .autologged_runs import Owner, match_trials
from .description import Link, describe, links_to_training_runs
from .interface import Published, RunRecord, TreeOptions, TreesWriter, TreeWriter, Writer
from .limits import LimitEnforcer
from .optuna_studies import Study, adopted_runs, find_studies, has_study, without_other_runs_below
from .records import datasets, record
from .store import TrackingStore
from .training_runs import find_application, link_runs
from .views import View, tree_view, trials_views

Progress = Callable[[int, int], None]
"""Called with (runs written, runs in all)."""
Artifacts = Callable[[Iterable[ImportIssue], str], None]
"""Fills a folder with the application run's artifacts, given the issues of publishing."""

_NO_REPORT = (
    "\n\nNo report was drawn: the application has no search, fit, failure or finding, and few tasks. "
    "Import its log again with `--report all` to draw it."
)
_PICTURE = {REPORT.file: "Report with pictures", STAGE_TASKS.file: "Picture of its tasks"}


@dataclass(frozen=True, slots=True)
class Import:
    """The input of `publish`.

    `fingerprint` is that of the import, `version` Afterglow's. The tree goes under the run with the id `parent_run`, or
    else under `logged_run`, the run that was active in the job according to the log. `restore` brings back a tree that
    the user deleted. `artifacts` and `draw` are called only if something is written.
    """

    tree: RunTree
    fingerprint: str
    version: str
    artifacts: Artifacts
    draw: Callable[[], ReportFiles] = ReportFiles
    logged_run: str | None = None
    parent_run: str | None = None
    restore: bool = False


def publish(wanted: Import, writer: Writer, progress: Progress | None = None) -> Published:
    """Write the tree and return its location.

    Unchanged runs of an earlier import are not written again. The application run is marked complete last. A parent run
    that the job created itself is neither ended nor re-timed.

    Raises:
        PublishError: MLflow refused or could not be reached; the next import continues from there. Also if there is no
        active run `parent_run`, or it is part of the tree.
    """
    root = record(wanted.tree.application, LimitEnforcer(writer.store.version()))
    training_runs = writer.training_runs(root, wanted.parent_run or wanted.logged_run)
    owner = training_runs.owner
    if wanted.parent_run is not None:
        _check_parent(wanted.parent_run, owner, root.key)
    studies = find_studies(writer.store, wanted.tree)
    experiment = owner.experiment_id if owner else None if training_runs.linked else _beside(studies, writer, root.key)
    is_new = training_runs.is_new and experiment in (None, writer.store.experiment_id)
    if experiment is not None and experiment != writer.store.experiment_id:
        writer = writer.within(experiment)  # MLflow's page nests only runs of one experiment
    here = {key: study for key, study in studies.items() if study.experiment_id == writer.store.experiment_id}
    adopted = adopted_runs(wanted.tree, here)
    others = {study.run.info.run_id: study.run for key, study in studies.items() if key not in adopted}
    wanted = replace(wanted, tree=without_other_runs_below(wanted.tree, adopted))
    ids = [study.run.info.run_id for study in here.values()] if owner is None else []
    place = _Place(
        None if owner is None else owner.run_id,
        {**match_trials(wanted.tree, owner), **adopted},
        [*training_runs.linked, *others.values()],
        ({STUDY_TAG: ids[0]} if ids else {})
        # the application run of an earlier import may be below another run
        | ({} if wanted.parent_run is None else {strings.PARENT_RUN_ID: wanted.parent_run}),
        is_new,
    )
    return _publish_at(wanted, writer, place, progress)


def _check_parent(run_id: str, owner: Owner | None, root: str) -> None:
    """Raises PublishError if the run `run_id`, which is to be above the application, is not there or is below it."""
    if owner is None or owner.run_id != run_id or not owner.is_active:
        raise PublishError(f"there is no active run {run_id} in this store; check --parent-run and the tracking URI")
    if owner.key is not None and (owner.key == root or owner.key.startswith(f"{root}/")):
        raise PublishError(f"the run {run_id} is part of this application; set --parent-run to the run of its job")


def publish_batch(wanted: Sequence[Import], writer: Writer) -> list[Published | None]:
    """Write the trees of applications that the store does not have, in one transaction.

    None for each one that `publish` has to write: it is there, has runs of the training job, or the transaction failed.
    """
    new = [one for one in wanted if one.parent_run is None and one.logged_run is None and not has_study(one.tree)]
    version = writer.store.version()
    prepared = {id(one): _prepare(one.tree, version) for one in new}
    found: dict[int, Published] = {}
    try:
        # not within the transaction, which may lock the database
        writer.store.describe([view for one in prepared.values() for view in one.views.values()])
        with writer.batch([one.root for one in prepared.values()]) as batch:
            for one in new:
                if batch is not None and batch.takes(prepared[id(one)].root):
                    found[id(one)] = _publish_prepared(one, batch, _Place(), prepared[id(one)])
    except PublishError:  # nothing of the batch is written; which tree it was shows when they are written one by one
        return [None] * len(wanted)
    return [found.get(id(one)) for one in wanted]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a tree goes among the runs of the training job: below the run `parent_run`, with its own runs by key, and
    with links to other runs. `tags` are those of the application run that say so. `is_new` if its experiment has no
    run of the application."""

    parent_run: str | None = None
    own: Mapping[str, str] = field(default_factory=dict)
    linked: Sequence[StoredRun] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    is_new: bool = False


def _views(tree: RunTree) -> dict[str, View]:
    """Key of a run -> the view that its description links to."""
    return {tree.application.key: tree_view(tree.application.tags[APP_ID_TAG], tree.runs), **trials_views(tree)}


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What is made of a tree before it is written: the records of all runs but the task runs by key, `root` among them,
    and the views of the experiment's table of runs."""

    limits: LimitEnforcer
    above: dict[str, RunRecord]
    root: RunRecord
    views: Mapping[str, View]


def _prepare(tree: RunTree, version: tuple[int, ...]) -> _Prepared:
    limits = LimitEnforcer(version)
    above = {run.key: record(run, limits) for run in tree.runs}
    return _Prepared(limits, above, above[tree.application.key], _views(tree))


def _publish_at(wanted: Import, writer: Writer, place: _Place, progress: Progress | None = None) -> Published:
    prepared = _prepare(wanted.tree, writer.store.version())
    writer.store.describe(prepared.views.values())  # before the tree's transaction, which may lock the database
    return _publish_prepared(wanted, writer, place, prepared, progress)


def _publish_prepared(
    wanted: Import, writer: TreesWriter, place: _Place, prepared: _Prepared, progress: Progress | None = None
) -> Published:
    tree, root, views = wanted.tree, prepared.root, prepared.views
    options = TreeOptions(wanted.fingerprint, place.parent_run, place.own, wanted.restore, place.is_new)
    paths = {key: writer.store.view_path(one) for key, one in views.items()}
    with writer.tree(root, options) as into:
        written = 0
        if into.settled is None:
            written = _write(wanted, writer.store, prepared, into, paths, progress, place.linked, place.tags)
        settled = into.settled  # before, or by another import meanwhile
        root_id = into.run_id(root.key) if settled is None else settled.run_id
    if settled is None or settled.state != "deleted":
        link_runs(writer.store, place.linked, root_id)
    if settled is not None:
        return settled
    url = writer.store.url(views[root.key])
    found = Published(writer.store.experiment_id, root_id, len(tree), written, url).with_tags(root.tags)
    return replace(found, runs=len(tree))


def _beside(studies: Mapping[str, Study], writer: Writer, root: str) -> str | None:
    """The experiment of the application's studies; that of an earlier import, if there was one."""
    experiments = {study.experiment_id for study in studies.values()}
    before = find_application(writer.store, root) if experiments else None
    if before is not None:
        return str(before.info.experiment_id)
    return experiments.pop() if len(experiments) == 1 else None


def _write(
    wanted: Import,
    store: TrackingStore,
    prepared: _Prepared,
    into: TreeWriter,
    views: Mapping[str, str],
    progress: Progress | None,
    linked: Sequence[StoredRun],
    placed: Mapping[str, str],
) -> int:
    """Write all runs, then datasets and artifacts, then the root's last tags, `placed` among them. Return the number of
    runs written."""
    tree, total, written, done = wanted.tree, len(wanted.tree), 0, 0
    above, limits = prepared.above, prepared.limits
    root, experiment_id, page = tree.application.key, store.experiment_id, store.page_root()
    try:
        into.reserve(list(above.values()))

        def link(key: str) -> str:
            return urls.run_path(experiment_id, into.run_id(key))

        pictures = wanted.draw()
        report = pictures.files.get(root, {}).get(REPORT.file)
        if report is not None:
            linked_report = link_report(report, lambda key: f"{page}/{link(key)}" if key in above else None)
            own = {**pictures.files[root], REPORT.file: linked_report}
            pictures = ReportFiles({**pictures.files, root: own})
        stages = {run.key: run for run in tree.runs if run.key in tree.tasks}
        for key, tasks in tree.tasks.items():
            for run in tasks:
                note = limits.tag(describe(run, {}, stages[key], link))
                written, done = written + into.write(record(run, limits), note), done + 1
                if progress is not None:
                    progress(done, total)
        into.flush()  # descriptions link to tasks, whose ids are known now
        notes = dict(_descriptions(tree, into, experiment_id, limits, pictures, views, link))
        without_report = _NO_REPORT if pictures.nothing_to_see else ""
        notes[root] = limits.tag(notes[root] + without_report + links_to_training_runs(linked))
        for key, one in reversed(above.items()):  # children first, so that no parent is finished before them
            written, done = written + into.write(one, notes[key]), done + 1
            if progress is not None:
                progress(done, total)
        into.flush()
        for key, sources in tree.datasets.items():
            into.datasets(key, datasets(sources))
        _upload(wanted, into, pictures, limits.issues.values())
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        into.finish(
            {
                FINGERPRINT_TAG: wanted.fingerprint,
                VERSION_TAG: wanted.version,
                WRITTEN_TAG: now,
                RUNS_TAG: str(total),
                **placed,
            }
        )
    except PublishError as error:
        left = f"{into.kept + done - written:,} of {total:,} runs are written"
        raise PublishError(f"{error}; {left}, the tree is not complete: import the log again to finish it") from error
    return written


def _upload(wanted: Import, into: TreeWriter, pictures: ReportFiles, issues: Iterable[ImportIssue]) -> None:
    """Upload the artifacts and plots of the root, and the plots of the other runs."""
    root = wanted.tree.application.key

    def fill(folder: str) -> None:
        wanted.artifacts(issues, folder)
        if not into.is_new:  # the table of an earlier import must not stay if this one has no rows of it
            write_empty_tables(folder)
        write_pictures(pictures.files.get(root, {}), folder)

    into.artifacts(root, fill)
    for key, files in pictures.files.items():
        if key != root:
            into.artifacts(key, partial(write_pictures, files))


def _descriptions(
    tree: RunTree,
    into: TreeWriter,
    experiment_id: str,
    limits: LimitEnforcer,
    pictures: ReportFiles,
    views: Mapping[str, str],
    link: Link,
) -> Iterator[tuple[str, str]]:
    below, by_key = tree.children(), {run.key: run for run in tree.runs}

    def text(run: Run) -> str:
        own = describe(run, below, by_key.get(run.parent or ""), link, tree.tasks.get(run.key, ()))
        drawn = [
            f"[{_PICTURE[file]}]({urls.artifact_path(experiment_id, into.run_id(run.key), file)})"
            for file in pictures.files.get(run.key, ())
        ]
        if run.key in views:
            drawn.append(f"[{'Trials' if run.level == 'tuning' else 'Runs'} as a table]({views[run.key]})")
            chart = urls.chart_path(views[run.key]) if run.level == "tuning" else None
            if chart is not None:
                drawn.append(f"[as a chart]({chart})")
        if drawn:  # the page shows the first lines and hides the rest
            first, gap, rest = own.partition("\n\n")
            own = f"{first} {' · '.join(drawn)}{gap}{rest}"
        return limits.tag(own)

    return ((run.key, text(run)) for run in tree.runs)
