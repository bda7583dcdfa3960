"""A path, glob, folder, zip or URI -> event logs: which files, in which order, complete or not."""

from .find import discover
from .places import open_file

__all__ = ["discover", "open_file"]
