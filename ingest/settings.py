"""Values of options from AFTERGLOW_ variables and from afterglow.toml.

The environment takes precedence over the files, and the file in the working folder over the one of the user. In a file,
the table of a command takes precedence over keys above all tables, which are for every command that has the option.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

FILE_NAME = "afterglow.toml"
WITHOUT_OPTION = ("native", "postgres-skip-foreign-key-checks", "retry-s")
"""Settings that are read from their variable where they are used, and that no command has as an option."""

Kind = Literal["flag", "value", "list"]
Options = Mapping[str, Kind]
"""The options of a command without the leading dashes."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and where it comes from: the name of a variable, or the path of a file."""

    value: object
    source: str


def variable(option: str) -> str:
    """The environment variable of an option: `task-runs` -> `AFTERGLOW_TASK_RUNS`."""
    return "AFTERGLOW_" + option.upper().replace("-", "_")


def config_files() -> list[Path]:
    """Where a configuration file may be, the one that takes precedence first."""
    from .filesystems import config_folder  # takes long to import, which `afterglow --help` need not wait for

    return [Path(FILE_NAME), Path(config_folder(), FILE_NAME)]


def read_settings(
    command: str, commands: Mapping[str, Options], environment: Mapping[str, str] = os.environ
) -> dict[str, Setting]:
    """The options of `command` that the environment or a file sets, and the settings without an option.

    `commands` are the options of every command, by which the keys of the files are checked.

    Raises:
        ValueError: a file cannot be read, or has an unknown key or a value of another type.
    """
    wanted: dict[str, Kind] = {**dict.fromkeys(WITHOUT_OPTION, "value"), **commands.get(command, {})}
    found: dict[str, Setting] = {}
    for path in reversed(config_files()):
        if path.is_file():
            found |= _from_file(str(path), command, wanted, commands)
    for option, kind in wanted.items():
        text = environment.get(variable(option))
        if text:
            found[option] = Setting(text.splitlines() if kind == "list" else text, variable(option))
    return found


def _from_file(
    path: str, command: str, wanted: Options, commands: Mapping[str, Options]
) -> Iterator[tuple[str, Setting]]:
    from .filesystems import read_toml

    content = read_toml(path)
    tables = {key: table for key, table in content.items() if isinstance(table, dict)}
    shared = {key: value for key, value in content.items() if key not in tables}
    _check_keys(path, tables, commands, "a command")
    _check_keys(path, shared, {*WITHOUT_OPTION, *(option for options in commands.values() for option in options)})
    for name, table in tables.items():
        _check_keys(path, table, commands[name], f"an option of {name}")
    for option, value in {**shared, **tables.get(command, {})}.items():
        if option in wanted:
            yield option, Setting(_checked(path, option, value, wanted[option]), path)


def _check_keys(path: str, keys: Iterable[str], known: Iterable[str], kind: str = "an option") -> None:
    unknown = sorted(set(keys) - set(known))
    if unknown:
        raise ValueError(f"{path}: {unknown[0]!r} is not {kind}; see `afterglow config`")


def _checked(path: str, option: str, value: object, kind: Kind) -> object:
    if kind == "flag" and not isinstance(value, bool):
        raise ValueError(f"{path}: {option} must be true or false")
    if kind == "list" and isinstance(value, list) and all(isinstance(one, str) for one in value):
        return value
    if kind == "list" and not isinstance(value, str):
        raise ValueError(f"{path}: {option} must be a list of texts")
    if kind == "value" and option in WITHOUT_OPTION and isinstance(value, bool):
        return int(value)
    if kind == "value" and (isinstance(value, bool) or not isinstance(value, (str, int, float))):
        raise ValueError(f"{path}: {option} must be a text or a number")
    return [value] if kind == "list" else value
