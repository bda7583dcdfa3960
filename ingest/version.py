"""Which Afterglow this is."""

from importlib import metadata


def version() -> str:
    """The installed distribution's version; `0` where the source is used without being installed."""
    try:
        return metadata.version("spark-afterglow")
    except metadata.PackageNotFoundError:
        return "0"
