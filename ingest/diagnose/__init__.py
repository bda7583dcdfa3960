"""Tables -> what made the application slow: rows of `findings`, as schemas.findings declares them."""

from .rules import diagnose

__all__ = ["diagnose"]
