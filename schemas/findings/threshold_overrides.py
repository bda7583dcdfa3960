"""Effective thresholds, and a finding of a run.

Users override thresholds with `code.name=value`. schemas.tables declares the rows of findings.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from . import FINDING_CODES
from .interface import ANY, ANY_THRESHOLDS, Severity


@lru_cache
def declared(code: str) -> Mapping[str, float]:
    """Return the defaults of a code's thresholds, or those of `any`, by name. Every code also has those of `any`.

    Raises:
        KeyError: the code is unknown.
    """
    own = () if code == ANY else FINDING_CODES[code].thresholds
    common = ANY_THRESHOLDS if code == ANY or not FINDING_CODES[code].informational else ()
    return {one.name: one.default for one in (*common, *own)}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The thresholds of a run: `given` has (code, name, value) for those that differ from the defaults."""

    given: tuple[tuple[str, str, float], ...] = ()
    _known: Mapping[tuple[str, str], float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_known", {(code, name): value for code, name, value in self.given})

    def __call__(self, code: str, name: str) -> float:
        """Return the code's threshold: given for the code, else given for `any`, else the default."""
        own = self._known.get((code, name), self._known.get((ANY, name)))
        return declared(code)[name] if own is None else own

    @property
    def identity(self) -> str:
        """A short hash of all effective thresholds."""
        held = [f"{code}.{name}={self(code, name):g}" for code in (ANY, *FINDING_CODES) for name in declared(code)]
        return hashlib.sha256(" ".join(held).encode()).hexdigest()[:12]


def thresholds(given: Iterable[tuple[str, Any]]) -> Thresholds:
    """Create thresholds from (`code.name`, value). The last value of a name is used.

    Raises:
        ValueError: the code or name is unknown, or the value is not a number >= 0. The message lists valid names.
    """
    known: dict[tuple[str, str], float] = {}
    for key, value in given:
        code, _, name = key.partition(".")
        if code != ANY and code not in FINDING_CODES:
            raise ValueError(f"unknown finding {code!r}; valid: {', '.join((ANY, *FINDING_CODES))}")
        if name not in declared(code):
            valid = ", ".join(f"{code}.{one}" for one in declared(code))
            raise ValueError(f"unknown threshold {key!r}; valid for {code}: {valid or 'none'}")
        try:
            number = float("nan") if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            number = float("nan")
        if not 0 <= number < float("inf"):
            raise ValueError(f"{key}: {value!r} is not a number of at least 0")
        known[code, name] = number
    return Thresholds(tuple((code, name, value) for (code, name), value in sorted(known.items())))


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding about the run with the key `run`. For a task this is the stage's key.

    `subject` names the run, or the executor or host that has no run. It is untrusted text.
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
    settings: Sequence[str] = ()

    @property
    def informational(self) -> bool:
        """Whether it is an informational figure."""
        return FINDING_CODES[self.code].informational
