"""Run tree and tables -> the application's HTML report and SVG plots of notable stages."""

from .draw import draw, draw_report

__all__ = ["draw", "draw_report"]
