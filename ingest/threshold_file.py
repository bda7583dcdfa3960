"""Read thresholds of findings from a TOML file and from options."""

from collections.abc import Iterable, Iterator

from ..schemas.findings.threshold_overrides import Thresholds, thresholds
from .filesystems import read_toml


def read_thresholds(file: str | None, given: Iterable[str] = ()) -> Thresholds:
    """Thresholds of a TOML file, which has a table per finding code; `given` are `code.name=value` and override it.

    Raises:
        ValueError: the file cannot be read or is not such a TOML file, or a code, threshold or number is not valid.
    """
    return thresholds([*(_from_file(file) if file is not None else ()), *map(_pair, given)])


def _from_file(path: str) -> Iterator[tuple[str, object]]:
    for code, values in read_toml(path).items():
        if not isinstance(values, dict):
            raise ValueError(f"{path}: {code!r} is not a table; write [{code}] and its thresholds below")
        for name, value in values.items():
            yield f"{code}.{name}", value


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or "." not in key:
        raise ValueError(f"{text!r} is not CODE.NAME=VALUE, such as skew.time_ratio=4")
    return key.strip(), value.strip()
