"""Which Afterglow this is."""

from functools import cache
from importlib import metadata


@cache
def version() -> str:
    """The installed distribution's version; `0` where the source is used without being installed."""
    try:
        return metadata.version("spark-afterglow")
    except metadata.PackageNotFoundError:
        return "0"
