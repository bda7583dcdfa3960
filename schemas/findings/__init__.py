"""Findings: every code with its formula, thresholds, causes and advice.

Each module is one family, as in ingest/diagnose. docs/findings.md is generated from these modules.
"""

from collections.abc import Mapping

from . import application, caching, data_movement, driver, executors, failures, memory, partitioning, skew, sql, tuning
from .interface import FindingCode

FINDINGS: tuple[FindingCode, ...] = (
    *skew.CODES,
    *executors.CODES,
    *memory.CODES,
    *data_movement.CODES,
    *partitioning.CODES,
    *sql.CODES,
    *caching.CODES,
    *driver.CODES,
    *failures.CODES,
    *tuning.CODES,
    *application.CODES,
)
FINDING_CODES: Mapping[str, FindingCode] = {one.code: one for one in FINDINGS}
