"""Figures as people read them."""


def seconds(value: float) -> str:
    """1.25 s, 4 min 5 s, 2 h 3 min."""
    if value < 0.9995:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.3g} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min"


def size(value: float) -> str:
    """512 B, 1.5 MB (powers of 1,000, as disks and networks are sold)."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(value) < 999.5 or unit == "TB":
            return f"{value:.3g} {unit}" if unit != "B" else f"{value:.0f} B"
        value /= 1000
    raise AssertionError("unreachable")


def count(value: float) -> str:
    """12,345."""
    return f"{value:,.0f}"


def share(value: float) -> str:
    """0.1234 -> 12 %."""
    return f"{value * 100:.0f} %"
