"""Whether annotate is on. What is still installed while it is off passes everything through."""

_on = False


def turn(on: bool) -> None:
    """Switch."""
    global _on
    _on = on


def is_on() -> bool:
    """As last switched."""
    return _on
