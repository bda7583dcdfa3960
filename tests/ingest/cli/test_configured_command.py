"""Every option of every command: command line, environment, working folder's file, user's file, default."""

import inspect
import json
import os
import re
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from typer.testing import CliRunner

from afterglow.ingest.cli import app
from afterglow.ingest.cli.configured_command import command_options
from afterglow.ingest.settings import WITHOUT_OPTION, variable

runner = CliRunner()
COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
FUNCTIONS: dict[str, Any] = {its.name or "": its.callback for its in app.registered_commands}
OPTIONS = [(command, option) for command, its in COMMANDS.items() for option, _ in command_options(its)]


def values(command: str, name: str) -> list[Any]:
    """Four different values of an option, or both of a flag and a choice of two; as TOML and JSON have them."""
    option = dict(command_options(COMMANDS[command]))[name]
    declared = str(get_args(inspect.signature(FUNCTIONS[command]).parameters[option.name].annotation)[0])
    if option.is_flag:
        return [True, False, True, False]
    if "Literal" in declared:
        choices = re.findall(r"'(\w+)'", declared)
        return [choices[at % len(choices)] for at in range(1, 5)]
    if "int" in declared:
        return [2001, 2002, 2003, 2004]
    if "float" in declared:
        return [1.5, 2.5, 3.5, 4.5]
    return [["a.b=1"], ["c d=2", "e=3"], ["f=4"], ["g=5"]] if option.multiple else ["one", "two", "three", "four"]


def words(command: str, name: str, value: Any) -> list[str]:
    option = dict(command_options(COMMANDS[command]))[name]
    if option.is_flag:
        return [(option.opts if value else option.secondary_opts)[0]]
    return [word for one in (value if isinstance(value, list) else [value]) for word in (f"--{name}", str(one))]


def write_file(path: Path, values: dict[str, Any]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()))
    return str(path)


def rows(command: str, *line: str) -> dict[str, tuple[Any, str]]:
    ran = runner.invoke(app, ["config", "--json", command, *line])
    assert ran.exit_code == 0, ran.output
    return {row["option"]: (row["value"], row["source"]) for row in json.loads(ran.stdout)}


def parsed(command: str, *line: str) -> dict[str, Any]:
    """The values that the command itself gets."""
    root: Any = typer.main.get_command(app)
    parent = typer.Context(root, info_name="afterglow")
    context = COMMANDS[command].make_context(command, list(line), parent=parent, resilient_parsing=True)
    found = {name: context.params[option.name] for name, option in command_options(COMMANDS[command])}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


@pytest.mark.parametrize("command", COMMANDS)
def test_precedence_of_every_option(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    names = [name for name, _ in command_options(COMMANDS[command])]
    four = {name: values(command, name) for name in names}
    by_user, by_folder, by_environment, by_line = ({name: four[name][at] for name in names} for at in range(4))

    def check(expected: dict[str, Any], source: str | None, *line: str) -> None:
        shown = {name: "(hidden)" if name in ("header", "webhook") else value for name, value in expected.items()}
        assert rows(command, *line) == {name: (shown[name], source or variable(name)) for name in names}
        assert parsed(command, *line) == expected

    assert {source for _, source in rows(command).values()} == {"default"}
    path = write_file(tmp_path / "home" / "afterglow" / "afterglow.toml", by_user)
    check(by_user, path)
    write_file(tmp_path / "afterglow.toml", by_folder)
    check(by_folder, "afterglow.toml")
    for name, value in by_environment.items():
        monkeypatch.setenv(variable(name), "\n".join(value) if isinstance(value, list) else str(value))
    check(by_environment, None)
    check(by_line, "command line", *(word for name in names for word in words(command, name, by_line[name])))


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_the_variable_of_every_option(command: str) -> None:
    shown = "".join(runner.invoke(app, [command, "--help"], terminal_width=300).output.split())
    names = [variable(name) for name, _ in command_options(COMMANDS[command])]
    assert names and [name for name in names if f"[envvar:{name}" not in shown] == []


def test_every_command_prints_json() -> None:
    assert [name for name, its in COMMANDS.items() if "json" not in dict(command_options(its))] == []


@pytest.mark.parametrize(("command", "name"), [(one, name) for one, name in OPTIONS if name in ("writer", "engine")])
def test_a_choice_names_its_values(command: str, name: str) -> None:
    metavar, wrong = ("[auto|sql|rest]", "'auto', 'sql', 'rest'") if name == "writer" else ("[local|spark]", "'local'")
    assert metavar in runner.invoke(app, [command, "--help"]).output
    ran = runner.invoke(app, [command, f"--{name}", "none", "x"])
    assert ran.exit_code == 2 and f"'none' is not one of {wrong}" in ran.output
    completed = runner.invoke(
        app,
        env={"_AFTERGLOW_COMPLETE": "complete_bash", "COMP_WORDS": f"afterglow {command} --{name} ", "COMP_CWORD": "3"},
        prog_name="afterglow",
    )
    assert completed.stdout.split() == metavar[1:-1].split("|")


def test_the_table_of_a_command_overrides_the_keys_of_all(tmp_path: Path) -> None:
    (tmp_path / "afterglow.toml").write_text("workers = 3\n[show]\nworkers = 4\n")
    assert rows("show")["workers"] == (4, "afterglow.toml")
    assert rows("export")["workers"] == (3, "afterglow.toml")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("task-run = 1", "'task-run' is not an option"),
        ("[imports]\nworkers = 1", "'imports' is not a command"),
        ("[show]\nwriter = 'sql'", "'writer' is not an option of show"),
        ("strict = 'yes'", "strict must be true or false"),
        ("[show]\nthreshold = 3", "threshold must be a list of texts"),
        ("workers = [1]", "workers must be a text or a number"),
        ("workers = ", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_one_line_with_its_name(content: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "afterglow.toml").write_text(content)
    for line in (["show", "x"], ["config", "show"], ["config"]):
        ran = runner.invoke(app, line)
        assert ran.exit_code == 2 and says in ran.output.replace("\n", " ") and "afterglow.toml" in ran.output
    assert runner.invoke(app, ["show", "--help"]).exit_code == 0


def test_a_wrong_value_says_where_it_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "afterglow.toml").write_text("[show]\nworkers = 0\n")
    assert "It comes from afterglow.toml." in runner.invoke(app, ["show", "x"]).output
    assert "It comes from" not in runner.invoke(app, ["show", "x", "--workers", "0"]).output
    monkeypatch.setenv("AFTERGLOW_WORKERS", "many")
    assert "It comes from AFTERGLOW_WORKERS." in runner.invoke(app, ["show", "x"]).output
    assert runner.invoke(app, ["config", "show"]).exit_code == 2


def test_secrets_are_not_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERGLOW_TRACKING_URI", "postgresql://ada:hunter2@db/mlflow")
    monkeypatch.setenv("AFTERGLOW_HEADER", "Authorization: Bearer hunter2")
    monkeypatch.setenv("AFTERGLOW_SPARK_CONF", "spark.hadoop.fs.s3a.secret.key=hunter2")
    for line in (["config"], ["config", "--json"], ["config", "backfill"]):
        ran = runner.invoke(app, line, env={"COLUMNS": "250"})
        assert ran.exit_code == 0 and "hunter2" not in ran.output and "AFTERGLOW_HEADER" in ran.output
    monkeypatch.setenv("AFTERGLOW_HEADER", "hunter2")
    ran = runner.invoke(app, ["show", "x"])
    assert ran.exit_code == 2 and "hunter2" not in ran.output


def test_settings_without_an_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "afterglow.toml").write_text("retry-s = 7\nnative = false\n")
    monkeypatch.delenv("AFTERGLOW_NATIVE", raising=False)
    monkeypatch.setenv("AFTERGLOW_RETRY_S", "8")
    shown = {one["option"]: one for one in json.loads(runner.invoke(app, ["config", "--json"]).stdout)}
    assert set(WITHOUT_OPTION) <= set(shown)
    assert (shown["retry-s"]["value"], shown["retry-s"]["source"]) == ("8", "AFTERGLOW_RETRY_S")
    assert (shown["native"]["value"], shown["native"]["source"]) == (0, "afterglow.toml")
    monkeypatch.setattr(os, "environ", dict(os.environ))  # the command adds to it
    runner.invoke(app, ["schema"])
    assert os.environ["AFTERGLOW_NATIVE"] == "0" and os.environ["AFTERGLOW_RETRY_S"] == "8"


def test_no_option_has_the_variable_of_something_else() -> None:
    names = {variable(name) for _, name in OPTIONS}
    assert not names & {*map(variable, WITHOUT_OPTION), "AFTERGLOW_SUBMIT_ID", "AFTERGLOW_EVERYTHING"}
