"""The thresholds of findings that a person wants otherwise than declared: from a TOML file and from options."""

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from ..schemas.findings.thresholds import Thresholds, thresholds

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def wanted_thresholds(file: str | None, given: Iterable[str] = ()) -> Thresholds:
    """`file` is TOML, a table per code with its thresholds; `given` are `code.name=value`, which win over the file.

    Raises:
        ValueError: the file cannot be read or is no such TOML; there is no such code or threshold, or it is no number.
    """
    return thresholds([*(_of_file(file) if file is not None else ()), *map(_pair, given)])


def _of_file(path: str) -> Iterator[tuple[str, Any]]:
    try:
        with open(path, "rb") as opened:
            content = tomllib.load(opened)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: no valid TOML: {error}") from error
    for code, values in content.items():
        if not isinstance(values, dict):
            raise ValueError(f"{path}: {code!r} is no table; write [{code}] with its thresholds below")
        for name, value in values.items():
            yield f"{code}.{name}", value


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"{text!r} is no CODE.NAME=VALUE")
    return key.strip(), value.strip()
