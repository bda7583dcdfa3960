"""Findings: every code with its formula, thresholds, causes and advice.

Each module is one family, as in ingest/diagnose. docs/findings.md is generated from these modules.
"""

from collections.abc import Mapping

from . import application, driver, executors, failures, memory, partitioning, shuffle, skew, tuning
from .interface import FindingCode

FINDINGS: tuple[FindingCode, ...] = (
    *skew.CODES,
    *executors.CODES,
    *memory.CODES,
    *shuffle.CODES,
    *partitioning.CODES,
    *driver.CODES,
    *failures.CODES,
    *tuning.CODES,
    *application.CODES,
)
FINDING_CODES: Mapping[str, FindingCode] = {one.code: one for one in FINDINGS}
