"""Run tree -> MLflow. One plan of what to write, one interface, one folder per writer.

This is the only package that imports MLflow.
"""

from .artifacts import packed_artifacts, write_artifacts
from .experiments import Experiments
from .interface import Published, Root, Writer
from .job_runs import all_job_runs, newest_job_runs
from .publish import Import, publish, publish_batch
from .read_back import attach, find_root, stored_tables
from .remove import remove_tree
from .stored_trees import roots
from .trace.trace import write_trace
from .writer_selection import WRITERS, open_store, open_writer

__all__ = [
    "WRITERS",
    "Experiments",
    "Import",
    "Published",
    "Root",
    "Writer",
    "all_job_runs",
    "attach",
    "find_root",
    "newest_job_runs",
    "open_store",
    "open_writer",
    "packed_artifacts",
    "publish",
    "publish_batch",
    "remove_tree",
    "roots",
    "stored_tables",
    "write_artifacts",
    "write_trace",
]
