"""How figures are shown to people. report/units.js has the same functions for the report; one table tests both."""

import math
import re
from collections.abc import Sequence
from functools import lru_cache

_KEPT = 4_096
"""Figures that are remembered: an application, its job and its stage often show the same figures."""
_FIGURE = re.compile(r"(?<=\d) (?=(?:ms|s|min|h|B|kB|MB|GB|TB)\b|%)")


def seconds(value: float) -> str:
    """A duration in seconds: 250 ms, 1.25 s, 4 min 5 s, 2 h 3 min."""
    if value == 0:
        return "0 s"
    if abs(value) < 0.9995:
        return f"{significant(value * 1000)} ms" if abs(value) < 0.01 else f"{_rounded(value * 1000):,} ms"
    if abs(value) < 59.95:
        return f"{significant(value)} s"
    minutes, rest = divmod(_rounded(abs(value)), 60)
    sign = "-" if value < 0 else ""
    if minutes < 60:
        return f"{sign}{minutes} min" + (f" {rest} s" if rest else "")
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours:,} h" + (f" {minutes} min" if minutes else "")


def size(value: float) -> str:
    """Bytes: 512 B, 1.5 MB. Units are powers of 1,000, as those of disks and networks are."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(value) < 999.5 or unit == "TB":
            return f"{significant(value)} {unit}"
        value /= 1000
    raise AssertionError("unreachable")


def count(value: float) -> str:
    """A number of things: 12,345."""
    return f"{_rounded(value):,}"


def share(value: float) -> str:
    """A part of 1, in percent: 12 %."""
    return f"{_rounded(value * 100)} %"


def percentages(parts: Sequence[float]) -> list[int]:
    """Whole percents of the sum of these parts, which add up to 100 (largest remainder)."""
    total = sum(parts)
    if total <= 0:
        return [0] * len(parts)
    exact = [part / total * 100 for part in parts]
    whole = [math.floor(part) for part in exact]
    order = sorted(range(len(parts)), key=lambda i: (whole[i] - exact[i], i))
    for i in order[: 100 - sum(whole)]:
        whole[i] += 1
    return whole


@lru_cache(_KEPT)
def significant(value: float) -> str:
    """Three significant digits, without trailing zeros: 1.25, 13.1, 1,235."""
    if value == 0:
        return "0"
    digits = max(2 - math.floor(math.log10(abs(value))), 0)
    rounded = math.floor(abs(value) * 10**digits + 0.5) / 10**digits
    text = f"{rounded:,.{digits}f}"
    return ("-" if value < 0 else "") + (text.rstrip("0").rstrip(".") if "." in text else text)


def score(value: float, deviation: float | None = None) -> str:
    """An evaluation metric with its deviation: 0.9170 ± 0.0061. Four digits, so that those of a column compare."""
    text = f"{value:,.0f}" if abs(value) >= 999.95 else f"{value:#.4g}"
    spread = f"{deviation:,.0f}" if deviation and deviation >= 99.5 else f"{deviation or 0:.2g}"
    return text + (f" ± {spread}" if deviation else "")


def unbroken(text: str) -> str:
    """A sentence that is not wrapped between a figure and its unit: their space is a no-break space."""
    return _FIGURE.sub("\u00a0", text)


def _rounded(value: float) -> int:
    """To the nearest integer, halves up, as JavaScript's Math.round does."""
    return math.floor(value + 0.5)
