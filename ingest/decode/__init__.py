"""Byte stream -> typed events. What is broken becomes an ImportIssue with file, line and byte offset."""

from .events import Decoded, decode_lines
from .lines import Damage, Lines, split_lines
from .structs import PATHS

__all__ = ["PATHS", "Damage", "Decoded", "Lines", "decode_lines", "split_lines"]
