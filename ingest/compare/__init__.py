"""Two applications -> what got slower and by how much, which findings are new and gone, a verdict."""

from .compare import compare
from .conditions import Condition, broken, condition
from .page import changed, finding_rows, page, shown, stage_rows
from .sides import side_of

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
