"""A path, glob, folder, zip, URI or History Server -> event logs: which files, in which order, complete or not."""

from .find import discover
from .history_server import fetched
from .places import open_file

__all__ = ["discover", "fetched", "open_file"]
