"""Choose and draw the report and plots of an application."""

from ...schemas.findings import FINDING_CODES
from ...schemas.report import AUTO_SECONDS, AUTO_TASKS, REPORT, STAGE_TASKS, ReportFiles, ReportPolicy
from ...schemas.runs.tree import RunTree
from ..application_view import ApplicationView
from .report import report
from .report_data import ReportData, report_data
from .stage_plot import choose_stages, plot_stage


def draw(tree: RunTree, app: ApplicationView, policy: ReportPolicy = "auto") -> ReportFiles:
    """The report and the stage plots of one application attempt that the policy asks for."""
    if policy == "none":
        return ReportFiles()
    data = report_data(tree, app)
    files: dict[str, dict[str, bytes]] = {}
    if policy == "all" or _worth_a_report(data):
        files[tree.application.key] = {REPORT.file: report(data)}
    for number in choose_stages(data):
        files.setdefault(data.stages[number].key, {})[STAGE_TASKS.file] = plot_stage(data, number)
    return ReportFiles(files, nothing_to_see=policy == "auto" and tree.application.key not in files)


def draw_report(tree: RunTree, app: ApplicationView) -> bytes:
    """The report of one application attempt, regardless of the policy."""
    return report(report_data(tree, app))


def _worth_a_report(data: ReportData) -> bool:
    """Whether there is something to look at: a search or fit, a failure, a finding about this application (not the
    figures that every application has), or many tasks during some time."""
    runs = data.tree.runs
    if any(run.level in ("tuning", "fit", "session", "query") or run.status == "FAILED" for run in runs):
        return True
    found = any(not FINDING_CODES[row["code"]].informational for row in data.findings)
    return found or (len(data.tasks) >= AUTO_TASKS and data.duration_s >= AUTO_SECONDS)
