"""Compare the runs of a recurring job with each other, and draw them."""

from .judge import judge, judge_all, summary
from .render import history_page, history_rows

__all__ = ["history_page", "history_rows", "judge", "judge_all", "summary"]
