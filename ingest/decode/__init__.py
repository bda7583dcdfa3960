"""Byte stream -> typed events. What is broken becomes an ImportIssue with file, line and byte offset."""

from .applications import application_seen, log_starts, split_at
from .events import Decoded, decode_lines
from .lines import Damage, Lines, split_lines
from .measured_plans import decode_measured_plan
from .native.scanner import BUILT, NATIVE
from .structs import PATHS

__all__ = [
    "BUILT",
    "NATIVE",
    "PATHS",
    "Damage",
    "Decoded",
    "Lines",
    "application_seen",
    "decode_lines",
    "decode_measured_plan",
    "log_starts",
    "split_at",
    "split_lines",
]
