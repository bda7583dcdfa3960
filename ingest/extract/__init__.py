"""Typed events -> rows, append only: nothing is looked up, paired or summed here."""

from .rows import EventRows, concat, extract

__all__ = ["EventRows", "concat", "extract"]
