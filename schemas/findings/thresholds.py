"""Findings as values: the thresholds that hold, and a finding on the run it is about.

The codes are declared in schemas.finding_codes; a person overrides thresholds by `code.name=value`. A finding as a row
is declared in schemas.tables.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from . import FINDING_CODES
from .interface import ANY, ANY_THRESHOLDS, Severity


@lru_cache
def declared(code: str) -> Mapping[str, float]:
    """Threshold name -> default, of a code or of `any`; what is declared for any code holds for each.

    Raises:
        KeyError: there is no such code.
    """
    own = () if code == ANY else FINDING_CODES[code].thresholds
    common = ANY_THRESHOLDS if code == ANY or not FINDING_CODES[code].informational else ()
    return {one.name: one.default for one in (*common, *own)}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The thresholds as a person wants them: (code, name, value) for those that differ from what is declared."""

    given: tuple[tuple[str, str, float], ...] = ()
    _known: Mapping[tuple[str, str], float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_known", {(code, name): value for code, name, value in self.given})

    def __call__(self, code: str, name: str) -> float:
        """What holds for a code: its own where given, else what is given for any, else as declared."""
        own = self._known.get((code, name), self._known.get((ANY, name)))
        return declared(code)[name] if own is None else own

    @property
    def identity(self) -> str:
        """What findings depend on, every threshold that holds, in a few characters."""
        held = [f"{code}.{name}={self(code, name):g}" for code in (ANY, *FINDING_CODES) for name in declared(code)]
        return hashlib.sha256(" ".join(held).encode()).hexdigest()[:12]


def thresholds(given: Iterable[tuple[str, Any]]) -> Thresholds:
    """Thresholds from (`code.name`, value); a later one of a name wins.

    Raises:
        ValueError: no such code or name, or no number of at least 0; the message lists the valid ones.
    """
    known: dict[tuple[str, str], float] = {}
    for key, value in given:
        code, _, name = key.partition(".")
        if code != ANY and code not in FINDING_CODES:
            raise ValueError(f"{code!r} is no finding; there are {', '.join((ANY, *FINDING_CODES))}")
        if name not in declared(code):
            valid = ", ".join(f"{code}.{one}" for one in declared(code))
            raise ValueError(f"{key!r} is no threshold; of {code} there are {valid or 'none'}")
        try:
            number = float("nan") if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            number = float("nan")
        if not 0 <= number < float("inf"):
            raise ValueError(f"{key}: {value!r} is no number of at least 0")
        known[code, name] = number
    return Thresholds(tuple((code, name, value) for (code, name), value in sorted(known.items())))


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding on the run it is about, whose key `run` is; of a task it is the stage's.

    `subject` names what it is about where that is no run of its own (an executor). Text in it is untrusted.
    """

    run: str
    code: str
    severity: Severity
    cost_s: float | None
    cause: str | None
    subject: str
    message: str
    advice: str
    covered_by: str | None = None

    @property
    def informational(self) -> bool:
        """It is no fault but a figure."""
        return FINDING_CODES[self.code].informational
