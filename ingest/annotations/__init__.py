"""Annotations that the training job wrote into its event log: read, and applied to the tables."""

from .apply import AppliedAnnotations, apply_annotations
from .read import JobAnnotations, read_annotations

__all__ = ["AppliedAnnotations", "JobAnnotations", "apply_annotations", "read_annotations"]
