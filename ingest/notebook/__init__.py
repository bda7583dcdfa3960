"""The report of a running session in a notebook's cell, and the import of its log.

    import afterglow

    afterglow.report(spark)            # the whole session so far
    afterglow.report(spark, last=1)    # what the last search or fit did
    afterglow.import_session(spark)    # the runs so far; call it again to bring them up to date

Both read the event log that the session writes. They run no Spark job and change nothing in the session.
"""

from typing import TYPE_CHECKING, Any

from .session_log import SessionLogError, find_session_log

if TYPE_CHECKING:
    from .cell import CellImport, CellReport

__all__ = ["SessionLogError", "import_session", "report"]


def report(spark: Any, *, last: int | None = None, height: int = 900) -> "CellReport":
    """Reads the log of a session that may still run. Returns its report, which a notebook shows below the cell.

    `spark` is a SparkSession, classic or of Spark Connect. `last` restricts the report to the last searches and fits,
    this many of them together. `height` is that of the frame in the cell, in pixels.

    Raises:
        SessionLogError: the session writes no log, its log cannot be read from here, or it has no search and no fit
            for `last`. A notebook shows only the message.
        InputError, AssemblyError: the log cannot be read.
    """
    from ..diagnose import diagnose
    from ..options import ReadOptions
    from ..pipeline import derive_tree, read_undiagnosed
    from ..report import draw_report
    from .cell import CellReport
    from .last_training import last_training

    if last is not None and last < 1:
        raise ValueError(f"last={last}: give the number of searches and fits to report, or leave it out")
    app = read_undiagnosed(find_session_log(spark), ReadOptions())
    if last is not None:
        selected = last_training(app, last)
        if selected is None:
            raise SessionLogError("the log has no search and no fit yet; leave out `last` to see the whole session")
        app = selected
    app = app.with_findings(diagnose(app))
    return CellReport(app.title, draw_report(derive_tree(app, "none"), app).decode(), height)


def import_session(spark: Any, tracking_uri: str | None = None, experiment: str | None = None) -> "CellImport":
    """Imports the log of a session that may still run into MLflow. Called again, it brings the runs up to date.

    Without `tracking_uri`, MLflow's current one is used; without `experiment`, as for `afterglow import`. The runs of
    what has not ended are RUNNING.

    Raises:
        SessionLogError: the session writes no log, or its log cannot be read from here. A notebook shows only the
            message.
        InputError, AssemblyError: the log cannot be read.
        PublishError: MLflow refused or cannot be reached.
    """
    from ..pipeline import import_log, reach_store
    from .cell import CellImport

    experiments = reach_store(tracking_uri, experiment)
    log = find_session_log(spark)
    return CellImport(import_log(log, experiments.open()), experiments.server_command())
