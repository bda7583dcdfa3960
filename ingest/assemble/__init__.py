"""Event rows -> the tables of one application attempt. Relations are resolved here, by keys, after reading."""

from .application import Assembly, assemble
from .application_row import MlflowRun, complete_tables

__all__ = ["Assembly", "MlflowRun", "assemble", "complete_tables"]
