"""Commands whose options are also read from the environment and from afterglow.toml."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import typer
from typer.core import TyperCommand

from ..settings import WITHOUT_OPTION, Kind, Setting, read_settings, variable


class ConfiguredCommand(TyperCommand):
    """A command that takes an option from its command line, else from ..settings, else its default."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        for name, option in command_options(self):
            option.envvar = variable(name)  # for --help; read_settings reads it
            option.value_from_envvar = lambda ctx: None
            if option.is_flag:
                option.show_default = False

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parses the command line; what it does not set comes from the settings."""
        problem, found = None, {}
        try:
            found = settings_of(self, ctx)
        except ValueError as error:
            problem = str(error)
        set_defaults(self, ctx, found)
        given, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        try:
            rest: list[str] = super().parse_args(ctx, args)  # prints --help
        except typer.BadParameter as error:
            name = error.param.name if error.param is not None else None
            if name in ctx.default_map and name not in given:
                option = next(option for option, its in command_options(self) if its.name == name)
                error.message += f" It comes from {found[option].source}."
            raise
        if problem is not None and not ctx.resilient_parsing:
            raise typer.BadParameter(problem, ctx, param_hint="configuration")
        return rest

    def invoke(self, ctx: Any) -> Any:
        """Runs the command with the settings that have no option in the environment."""
        for name, setting in settings_of(self, ctx).items():
            if name in WITHOUT_OPTION and self.name != "config":  # which prints where they come from
                os.environ.setdefault(variable(name), str(setting.value))
        return super().invoke(ctx)


def command_options(command: Any) -> Iterator[tuple[str, Any]]:
    """The options of a command but --help: name without dashes, and typer's option."""
    for parameter in command.params:
        if parameter.param_type_name == "option" and parameter.name != "help":
            yield max(parameter.opts, key=len).removeprefix("--"), parameter


def commands_of(ctx: Any) -> Mapping[str, Any]:
    """Every command of the program by name."""
    commands: Mapping[str, Any] = ctx.find_root().command.commands
    return commands


def settings_of(command: Any, ctx: Any) -> dict[str, Setting]:
    """What the environment and files say about a command; see read_settings."""
    known = {
        name: {option: _kind(its) for option, its in command_options(one)} for name, one in commands_of(ctx).items()
    }
    return read_settings(command.name, known)


def set_defaults(command: Any, ctx: Any, found: Mapping[str, Setting]) -> None:
    """Makes settings the defaults of a command that is being parsed."""
    ctx.default_map = {option.name: found[name].value for name, option in command_options(command) if name in found}


def _kind(option: Any) -> Kind:
    return "flag" if option.is_flag else "list" if option.multiple else "value"


def effective_options(command: Any, parent: Any, args: Sequence[str]) -> Iterator[tuple[str, Any, str]]:
    """Every option of a command as it would be with these arguments: name, value and source. Arguments may be missing.

    Raises:
        typer.BadParameter: a value is not valid.
        ValueError: see read_settings.
    """
    ctx = command.context_class(command, info_name=command.name, parent=parent, **command.context_settings)
    found = settings_of(command, ctx)
    set_defaults(command, ctx, found)
    given, _, _ = command.make_parser(ctx).parse_args(args=list(args))
    for name, option in command_options(command):
        value, _ = option.consume_value(ctx, given)
        source = "command line" if option.name in given else found[name].source if name in found else "default"
        is_missing = option.required and source == "default"
        yield name, None if is_missing or value is None else option.process_value(ctx, value), source
