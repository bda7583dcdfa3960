"""Recognize CrossValidator and TrainValidationSplit in unmodified classic jobs, by plans, lineage and stacks.

fold_markers (names that give a fold away) -> searches (calls of `fit`) -> trials (which trial a job ran for) ->
job_assignment (every job). A job that the log does not link to a search stays outside of it.
"""

from collections.abc import Collection

from ..evidence import Evidence
from ..interface import Recognition
from .job_assignment import find_trees


def recognize(evidence: Evidence, claimed: Collection[int]) -> Recognition:
    """Every CrossValidator and TrainValidationSplit with at least one job."""
    return Recognition(find_trees(evidence))
