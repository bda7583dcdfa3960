"""Run tree -> MLflow. One plan of what to write, one interface, one module per writer.

`mlflow` is imported by the writers only, when one is opened.
"""

from .artifacts import packed_artifacts, write_artifacts
from .experiments import Experiments
from .factory import WRITERS, open_existing, open_writer
from .interface import Published, Root, Writer
from .publish import publish
from .read_back import attach, find_root, stored_tables
from .trace.trace import write_trace

__all__ = [
    "WRITERS",
    "Experiments",
    "Published",
    "Root",
    "Writer",
    "attach",
    "find_root",
    "open_existing",
    "open_writer",
    "packed_artifacts",
    "publish",
    "stored_tables",
    "write_artifacts",
    "write_trace",
]
