"""Typed events -> rows, append only: nothing is looked up, paired or summed here."""

from .applications import LogStart, first_application
from .plan_nodes import plan_nodes
from .rows import EventRows, concat, extract

__all__ = ["EventRows", "LogStart", "concat", "extract", "first_application", "plan_nodes"]
