"""The tuning tree: which search, trial and fold every job worked for, found in the log of an unmodified job.

marks (names that give a fold away) -> searches (calls of `fit`) -> trials (who ran for which) -> places (of every job)
-> the tables. Pure functions over event rows; what cannot be told stays outside.
"""

from .tables import Tunings, assemble_tunings

__all__ = ["Tunings", "assemble_tunings"]
