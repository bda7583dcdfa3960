"""Two applications -> what got slower and by how much, which findings are new and gone, a verdict."""

from .compare import compare
from .fail_if import Condition, broken, condition
from .render import changed, finding_rows, page, shown, stage_rows
from .summary import side_of

__all__ = [
    "Condition",
    "broken",
    "changed",
    "compare",
    "condition",
    "finding_rows",
    "page",
    "shown",
    "side_of",
    "stage_rows",
]
