"""Event rows -> the tables of one application attempt. Relations are resolved here, by keys, after reading."""

from .application import assemble

__all__ = ["assemble"]
