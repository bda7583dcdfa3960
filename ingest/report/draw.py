"""Which files are drawn of an application."""

from ...schemas.logs import EventLogTables
from ...schemas.report import AUTO_SECONDS, AUTO_TASKS, REPORT, STAGE_TASKS, Pictures, Wanted
from ...schemas.runs.tree import RunTree
from .report import report
from .report_data import Facts, facts
from .stage_plot import chosen, stage_picture


def draw(tree: RunTree, tables: EventLogTables, wanted: Wanted = "auto") -> Pictures:
    """The files of one application attempt; none where there is nothing to see, or none are wanted."""
    if wanted == "none":
        return Pictures()
    of = facts(tree, tables)
    files: dict[str, dict[str, bytes]] = {}
    if wanted == "all" or _worth_a_report(of):
        files[tree.application.key] = {REPORT.file: report(of)}
    for number in chosen(of):
        files.setdefault(of.stages[number].key, {})[STAGE_TASKS.file] = stage_picture(of, number)
    return Pictures(files)


def draw_report(tree: RunTree, tables: EventLogTables) -> bytes:
    """The report alone, whatever it is worth."""
    return report(facts(tree, tables))


def _worth_a_report(of: Facts) -> bool:
    searched = any(run.level == "tuning" for run in of.tree.runs)
    return searched or bool(of.findings) or (len(of.tasks) >= AUTO_TASKS and of.duration_s >= AUTO_SECONDS)
