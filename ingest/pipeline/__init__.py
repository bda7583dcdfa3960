"""The order of the stages, and nothing else: discover, codecs, decode, extract, assemble, derive, publish."""

from ...schemas.runs import LEVELS
from .awaited import Wanted, await_log
from .batch import export_logs, import_logs, show_logs
from .find import find_logs
from .imported import imported, remove
from .read import ReadOptions, read_log
from .run import Exported, Imported, ImportOptions, export_log, import_log, open_experiments

__all__ = [
    "LEVELS",
    "Exported",
    "ImportOptions",
    "Imported",
    "ReadOptions",
    "Wanted",
    "await_log",
    "export_log",
    "export_logs",
    "find_logs",
    "import_log",
    "import_logs",
    "imported",
    "open_experiments",
    "read_log",
    "remove",
    "show_logs",
]
