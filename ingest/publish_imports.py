"""Publish prepared imports: one tree at a time, or many small ones in one transaction or at once."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from .errors import AfterglowError, PublishError
from .fingerprint import import_fingerprint
from .options import ImportOptions, RunsProgress
from .prepared_import import PreparedImport
from .results import DatasetOnly, Imported
from .version import version

if TYPE_CHECKING:  # publish imports mlflow when a store is opened, which reading and exporting do not need
    from .publish import Experiments, Import, Published, Writer

BATCH_TREES = 64
"""Trees of one transaction. It also bounds what a killed import has to read again."""
BATCH_RUNS = 4_000
BATCH_BYTES = 16 * 2**20
"""Bytes of the logs of one batch, whose tables are held until it is published."""


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """A prepared import, and when it began, by time.monotonic()."""

    prepared: PreparedImport
    started: float


def publish_import(
    prepared: PreparedImport,
    experiments: "Experiments | None",
    options: ImportOptions,
    started: float,
    wrote: RunsProgress | None = None,
) -> Imported:
    """Writes the run tree; `started` is when the import began, by time.monotonic().

    Raises:
        PublishError: MLflow refused or could not be reached; import the log again to finish.
    """
    compared = _compare(prepared, experiments, options)
    imported = _publish(compared, experiments, options, started, wrote)
    _remember(compared, experiments)
    return imported


def _compare(prepared: PreparedImport, experiments: "Experiments | None", options: ImportOptions) -> PreparedImport:
    """The import with what the history of its job says about it."""
    if prepared.tree is None or experiments is None:
        return prepared
    from .check_history import check_history  # an export does not wait for it

    tree = check_history(prepared.tree, experiments, prepared.experiment_fields, options.compared_runs)
    return replace(prepared, tree=tree)


def _remember(prepared: PreparedImport, experiments: "Experiments | None") -> None:
    if prepared.tree is not None and experiments is not None:
        from .check_history import remember_run

        remember_run(prepared.tree, experiments, prepared.experiment_fields)


def _publish(
    prepared: PreparedImport,
    experiments: "Experiments | None",
    options: ImportOptions,
    started: float,
    wrote: RunsProgress | None = None,
) -> Imported:
    from .publish import publish, write_trace

    published: Published | DatasetOnly = DatasetOnly(options.dataset or "")
    if prepared.tree is not None and experiments is not None:
        writer = experiments.writer(prepared.experiment_fields)
        published = publish(_import(prepared, options), writer, wrote)
        if options.trace:
            write_trace(prepared.tree, published, writer)
    return _imported(prepared, published, experiments, options, started)


def _imported(
    prepared: PreparedImport,
    published: "Published | DatasetOnly",
    experiments: "Experiments | None",
    options: ImportOptions,
    started: float,
) -> Imported:
    """The result, after the webhook was called if there is a regression."""
    notice = None
    if experiments is not None and not isinstance(published, DatasetOnly):
        from .check_history import notify

        notice = notify(published, experiments, options.webhook)
    seconds = time.monotonic() - started
    return replace(Imported.from_row(prepared.log.name, published, prepared.application, seconds), notice=notice)


def publish_in_order(
    outcomes: Iterable[Waiting | Imported | AfterglowError],
    experiments: "Experiments | None",
    options: ImportOptions,
    together: bool,
    wrote: RunsProgress | None = None,
) -> Iterator[Imported | AfterglowError]:
    """Publishes prepared imports, and yields the results of all outcomes in order.

    With `together`, small trees wait for others and are written with them in one transaction per experiment, if the
    store has transactions. A result is yielded after its tree is committed.
    """
    waiting: list[Waiting] = []
    runs = size = 0
    for outcome in outcomes:
        if isinstance(outcome, Waiting) and together and _is_small(outcome.prepared):
            waiting.append(outcome)
            runs, size = runs + len(outcome.prepared.tree or ()), size + outcome.prepared.log.size
            if len(waiting) < BATCH_TREES and runs < BATCH_RUNS and size < BATCH_BYTES:
                continue
        yield from _publish_together(waiting, experiments, options)
        if not isinstance(outcome, Waiting):
            if (
                experiments is not None
                and isinstance(outcome, Imported)
                and not isinstance(outcome.published, DatasetOnly)
            ):
                experiments.forget_runs(outcome.published)
            yield outcome
        elif outcome not in waiting:
            yield _catching(publish_import, outcome, experiments, options, wrote)
        waiting, runs, size = [], 0, 0
    yield from _publish_together(waiting, experiments, options)


def _publish_together(
    waiting: Sequence[Waiting], experiments: "Experiments | None", options: ImportOptions
) -> Iterator[Imported | AfterglowError]:
    """What cannot be part of the transaction is published by itself."""
    if experiments is None or len(waiting) < 2 or options.trace:
        for one in waiting:
            yield _catching(publish_import, one, experiments, options)
        return
    for _, group in groupby(waiting, lambda one: experiments.writer(one.prepared.experiment_fields)):
        yield from _publish_batch(list(group), experiments, options)


def _publish_batch(
    waiting: Sequence[Waiting], experiments: "Experiments", options: ImportOptions
) -> Iterator[Imported | AfterglowError]:
    from .publish import publish_batch

    compared: list[Waiting] = []
    try:
        writer = experiments.writer(waiting[0].prepared.experiment_fields)
        for one in waiting:  # the runs of a job are compared with those before them, in this batch too
            compared.append(replace(one, prepared=_compare(one.prepared, experiments, options)))
            _remember(compared[-1].prepared, experiments)
    except AfterglowError as error:
        yield from [error] * len(waiting)
        return
    found = publish_batch([_import(one.prepared, options) for one in compared], writer)
    alone = [one for one, published in zip(compared, found, strict=True) if published is None]
    with closing(_publish_at_once(alone, experiments, options, writer)) as others:
        for one, published in zip(compared, found, strict=True):
            if published is None:
                yield next(others)
            else:
                yield _imported(one.prepared, published, experiments, options, one.started)


def _publish_at_once(
    waiting: Sequence[Waiting], experiments: "Experiments", options: ImportOptions, writer: "Writer"
) -> Generator[Imported | AfterglowError, None, None]:
    """Publishes each by itself, as many at once as the writer allows, and yields the results in order. Logs of one
    application are published one after the other."""
    if writer.trees_at_once < 2 or len(waiting) < 2:
        for one in waiting:
            yield _catching(_publish, one, experiments, options)
        return

    def publish_chain(chain: Sequence[Waiting]) -> Iterator[Imported | AfterglowError]:
        return iter([_catching(_publish, one, experiments, options) for one in chain])

    chains: dict[object, list[Waiting]] = {}
    for one in waiting:
        chains.setdefault(one.prepared.application["app_id"], []).append(one)
    pool, stopped = ThreadPoolExecutor(writer.trees_at_once, "afterglow-tree"), writer.store.policy.stopped
    try:
        futures = {app_id: pool.submit(publish_chain, chain) for app_id, chain in chains.items()}
        for one in waiting:
            yield next(futures[one.prepared.application["app_id"]].result())
    except BaseException:  # Ctrl-C, or the caller wants no more results
        stopped.set()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        stopped.clear()


def _catching(
    publish: Callable[..., Imported],
    one: Waiting,
    experiments: "Experiments | None",
    options: ImportOptions,
    wrote: RunsProgress | None = None,
) -> Imported | AfterglowError:
    try:
        return publish(one.prepared, experiments, options, one.started, wrote)
    except AfterglowError as error:
        return error


def _is_small(prepared: PreparedImport) -> bool:
    """Whether the tree may wait for others."""
    return prepared.tree is not None and len(prepared.tree) * 8 <= BATCH_RUNS and prepared.log.size * 8 <= BATCH_BYTES


def _import(prepared: PreparedImport, options: ImportOptions) -> "Import":
    from .publish import Import

    if prepared.tree is None:
        raise PublishError(f"{prepared.log.name}: no runs were requested")
    return Import(
        prepared.tree,
        import_fingerprint(prepared.log, options),
        version(),
        prepared.artifacts,
        prepared.draw,
        prepared.application["mlflow_run_id"],
        options.parent_run,
        options.restore,
    )
