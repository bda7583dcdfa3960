"""Typed events -> rows, append only: nothing is looked up, paired or summed here."""

from .applications import LogStart, first_application
from .rows import EventRows, concat, extract

__all__ = ["EventRows", "LogStart", "concat", "extract", "first_application"]
