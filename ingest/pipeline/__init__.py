"""The order of the stages, and nothing else: discover, codecs, decode, extract, assemble, derive, publish."""

from ...schemas.runs import LEVELS
from .find import find_logs
from .read import ReadOptions, read_log
from .run import Imported, ImportOptions, export_log, import_log, open_experiments, show_log

__all__ = [
    "LEVELS",
    "ImportOptions",
    "Imported",
    "ReadOptions",
    "export_log",
    "find_logs",
    "import_log",
    "open_experiments",
    "read_log",
    "show_log",
]
