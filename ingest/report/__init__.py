"""Run tree and tables -> files that show them: a report of the application, a picture of stages worth looking at."""

from .draw import draw, draw_report

__all__ = ["draw", "draw_report"]
