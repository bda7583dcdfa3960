"""The order of the stages, and nothing else: discover, codecs, decode, extract, assemble, derive, publish."""

from ...schemas.levels import LEVELS
from .awaited import Wanted, await_log, unfinished
from .backfill import Filters, look
from .backfill import run as backfill
from .batch import export_logs, import_logs, show_logs
from .compared import attach as attach_comparison
from .compared import compare, comparison_rows, limits
from .engines import engine
from .find import find_logs
from .imported import imported, remove
from .ledger import opened as opened_ledger
from .outcomes import Exported, Imported, ImportOptions
from .read import ReadOptions, read_log
from .run import export_log, import_log, open_experiments, write_file, write_report
from .submit import Submission, run_submission, submission, written

__all__ = [
    "LEVELS",
    "Exported",
    "Filters",
    "ImportOptions",
    "Imported",
    "ReadOptions",
    "Submission",
    "Wanted",
    "attach_comparison",
    "await_log",
    "backfill",
    "compare",
    "comparison_rows",
    "engine",
    "export_log",
    "export_logs",
    "find_logs",
    "import_log",
    "import_logs",
    "imported",
    "limits",
    "look",
    "open_experiments",
    "opened_ledger",
    "read_log",
    "remove",
    "run_submission",
    "show_logs",
    "submission",
    "unfinished",
    "write_file",
    "write_report",
    "written",
]
