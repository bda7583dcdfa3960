"""`afterglow config [COMMAND [OPTIONS]]`"""

from collections.abc import Sequence
from typing import Annotated, Any, cast

import typer

from ..settings import WITHOUT_OPTION, config_files, variable
from . import console, options
from .configured_command import commands_of, effective_options, settings_of

Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[COMMAND [OPTIONS]]",
        help="A command and its options as you would run it. Default: all commands.",
        show_default=False,
    ),
]

_HIDDEN = ("header", "webhook")


def config(ctx: typer.Context, words: Words = None, as_json: options.Json = False) -> None:
    """Print the value of every option and where it comes from.

    The order of precedence is: command line, environment variable, afterglow.toml in the working folder, afterglow.toml
    in the user's configuration folder, default. Secrets are not printed.
    """
    known, name, args = commands_of(ctx), words[0] if words else None, (words or [])[1:]
    if name is not None and name not in known:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(known)}", param_hint="COMMAND")
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}

    def add(option: str, value: object, source: str, command: str | None) -> None:
        shown = _shown(option, value)
        key = (option, repr(shown), source)
        row = {"option": option, "variable": variable(option), "value": shown, "source": source, "commands": []}
        rows.setdefault(key, row)["commands"] += [command] if command else []

    try:
        for command in known if name is None else [name]:
            for found in effective_options(known[command], ctx.parent, args):
                add(*found, command)
        everywhere = settings_of(ctx.command, ctx)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="configuration") from None
    without_option: Sequence[str] = WITHOUT_OPTION if name is None else ()
    for option in without_option:
        setting = everywhere.get(option)
        add(option, setting.value if setting else None, setting.source if setting else "default", None)
    if as_json:
        console.print_json(list(rows.values()))
    else:
        _print(list(rows.values()), with_commands=name is None)


def _shown(option: str, value: object) -> object:
    """A value without secrets."""
    from ...schemas.logs import without_password
    from ..redaction.text import redact_text

    if option in _HIDDEN and value:
        return "(hidden)"
    if option == "spark-conf" and value:
        from ..arrow import to_array
        from ..redaction.properties import redact_properties

        keys, _, texts = zip(*(str(pair).partition("=") for pair in cast(Sequence[str], value)), strict=True)
        shown = redact_properties(to_array(keys, "string"), to_array(texts, "string"), None).to_pylist()
        return [f"{key}={text}" for key, text in zip(keys, shown, strict=True)]
    if isinstance(value, (list, tuple)):
        return [_shown(option, one) for one in value]
    return redact_text(without_password(value)) if isinstance(value, str) else value


def _print(rows: list[dict[str, Any]], with_commands: bool) -> None:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("Option", "Value", "Source", *(["Commands"] if with_commands else [])):
        table.add_column(title, no_wrap=title == "Option", overflow="fold")
    for row in sorted(rows, key=lambda row: (str(row["option"]), str(row["source"]))):
        value = row["value"]
        text = "" if value is None else ", ".join(value) if isinstance(value, list) else value
        text = str(text).lower() if isinstance(text, bool) else text
        cells = [row["option"], text, row["source"], *([", ".join(row["commands"])] if with_commands else [])]
        table.add_row(*map(console.rich_text, cells))
    console.wide_out().print(table)
    for path in config_files():
        state = "" if path.is_file() else " (does not exist)"
        console.print_line(f"configuration file: {path.absolute()}{state}")
