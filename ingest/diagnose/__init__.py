"""An application -> the rows of its table `findings`, as schemas.findings declares them."""

from .rules import diagnose

__all__ = ["diagnose"]
