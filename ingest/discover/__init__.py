"""A path, glob, folder, zip, URI or History Server -> event logs: which files, in which order, complete or not."""

from .find import discover
from .history_server import HistoryServerOptions, fetched
from .storage import open_file

__all__ = ["HistoryServerOptions", "discover", "fetched", "open_file"]
