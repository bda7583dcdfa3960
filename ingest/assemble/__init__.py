"""Event rows -> the tables of one application attempt. Relations are resolved here, by keys, after reading."""

from .application import Assembly, assemble
from .application_row import MlflowRun, complete_tables
from .connect_tags import with_tagged_properties

__all__ = ["Assembly", "MlflowRun", "assemble", "complete_tables", "with_tagged_properties"]
