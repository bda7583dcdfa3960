"""Draw a small SVG scatter plot, which a stage run shows next to its metrics.

No library is used: matplotlib takes half a second to start and 130 ms per plot, which would slow down large imports
(docs/decisions/0008). All text is escaped.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from ..control_characters import replace_controls
from ..units import seconds, size

_LEFT, _RIGHT, _TOP, _BOTTOM = 66, 30, 30, 40
_WIDTH, _HEIGHT = 640, 220
"""Of a panel. Half a page wide, so that its text can be read where the page shrinks it."""
_STYLE = (
    ":root{--ink:#1b1f24;--quiet:#57606a;--paper:#fff;--line:#d0d7de;--mark:#0072b2}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--quiet:#9da7b1;--paper:#14181d;--line:#3a434d;--mark:#56b4e9}}"
    "text{font:12px system-ui,sans-serif;fill:var(--quiet)}.ink{fill:var(--ink)}.title{font-weight:600;fill:var(--ink)}"
    ".paper{fill:var(--paper)}.line{stroke:var(--line);fill:none}.median{stroke:var(--quiet);stroke-dasharray:4 3}"
    "circle{fill-opacity:.7;stroke:var(--paper);stroke-width:.5}.plain{fill:var(--mark)}.slow{fill:#e69f00}.bad{fill:#d55e00}"
)
_TIME_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 3e4, 6e4, 12e4, 3e5, 6e5, 18e5, 36e5, 72e5)


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis: its label, its maximum, and how its values are formatted."""

    label: str
    upto: float
    ticks: Sequence[float]
    text: Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Point:
    """One point. `kind` is plain, slow or bad; `label` is written next to it."""

    x: float
    y: float
    kind: str
    label: str = ""


def time_axis(label: str, upto_ms: float) -> Axis:
    """Milliseconds, with ticks at whole seconds, minutes and hours."""
    upto_ms = max(upto_ms, 1.0)
    step = next((step for step in _TIME_STEPS if upto_ms / step <= 5), _rounded(upto_ms / 6))
    return Axis(label, upto_ms * 1.06, [i * step for i in range(int(upto_ms * 1.06 / step) + 1)], _time)


def size_axis(label: str, upto_bytes: float) -> Axis:
    """Bytes, with ticks at 1, 2 or 5 times a power of ten."""
    upto_bytes = max(upto_bytes, 1.0)
    power = 10.0 ** max(math.floor(math.log10(upto_bytes / 6)), 0)
    step = next(step for step in (power, 2 * power, 5 * power, 10 * power) if upto_bytes / step <= 6)
    return Axis(label, upto_bytes * 1.06, [i * step for i in range(int(upto_bytes * 1.06 / step) + 1)], size)


def draw_panels(panels: Sequence[tuple[str, Axis, Axis, Iterable[Point], float]], title: str, foot: str) -> bytes:
    """Draw panels below each other, each given as (title, x axis, y axis, points, value of the dashed line)."""
    width, height = _WIDTH, 46 + _HEIGHT * len(panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label={quoteattr(_clean(title))}><style>{_STYLE}</style>'
        f'<rect class="paper" width="{width}" height="{height}"/>',
        f'<text class="title" x="10" y="18">{_text(title, 90)}</text>',
    ]
    for number, (name, x, y, points, dashed) in enumerate(panels):
        parts.append(f'<g transform="translate(0,{14 + _HEIGHT * number})">{_panel(name, x, y, points, dashed)}</g>')
    parts.append(f'<text x="10" y="{height - 6}">{_text(foot, 110)}</text></svg>')
    return replace_controls("".join(parts)).encode("utf-8", "replace")


def _panel(name: str, x: Axis, y: Axis, points: Iterable[Point], dashed: float) -> str:
    width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def across(value: float) -> float:
        return _LEFT + value / x.upto * width

    def down(value: float) -> float:
        return _TOP + height - value / y.upto * height

    parts = [f'<rect class="line" x="{_LEFT}" y="{_TOP}" width="{width}" height="{height}"/>']
    for tick in x.ticks:
        parts.append(f'<path class="line" d="M{across(tick):.1f} {_TOP}v{height}"/>')
        parts.append(
            f'<text x="{across(tick):.1f}" y="{_TOP + height + 16}" text-anchor="middle">{_text(x.text(tick))}</text>'
        )
    for tick in y.ticks:
        parts.append(f'<path class="line" d="M{_LEFT} {down(tick):.1f}h{width}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{down(tick) + 4:.1f}" text-anchor="end">{_text(y.text(tick))}</text>')
    if 0 < dashed <= y.upto:
        parts.append(f'<path class="median" d="M{_LEFT} {down(dashed):.1f}h{width}"/>')
    parts.append(f'<text class="ink" x="{_LEFT}" y="{_TOP - 8}">{_text(name, 70)}</text>')
    parts.append(
        f'<text class="ink" x="{_LEFT + width}" y="{_TOP + height + 32}" text-anchor="end">{_text(x.label, 60)}</text>'
    )
    labels: list[str] = []
    free = math.inf
    for point in points:
        at, up = across(point.x), down(point.y)
        parts.append(f'<circle class="{point.kind}" cx="{at:.1f}" cy="{up:.1f}" r="3.5"/>')
        if point.label:
            free = up if math.isinf(free) else max(up, free + 14)
            end, shift = ("end", -7) if at > _LEFT + width * 0.5 else ("start", 7)
            where = f'x="{at + shift:.1f}" y="{free + 4:.1f}" text-anchor="{end}"'
            labels.append(f'<text class="ink" {where}>{_text(point.label, 48)}</text>')
    return "".join([*parts, *labels])


def _time(ms: float) -> str:
    return seconds(ms / 1e3)


def _rounded(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return math.ceil(value / power) * power


def _clean(text: str) -> str:
    """The text on one line, without characters that XML forbids."""
    return " ".join("".join(c if c >= " " and c not in "\ufffe\uffff" else " " for c in text).split())


def _text(text: str, at_most: int = 40) -> str:
    line = _clean(text)
    return escape(line if len(line) <= at_most else line[: at_most - 1] + "…")
