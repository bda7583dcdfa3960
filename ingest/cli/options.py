"""Options that mean the same in every command, and those that all commands that import have."""

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import typer

from . import console as terminal

Logs = Annotated[
    list[str],
    typer.Argument(
        metavar="LOG...", help="Event logs: files, rolling folders, folders of logs, globs or URIs.", show_default=False
    ),
]
Log = Annotated[str, typer.Argument(metavar="LOG", help="An event log: a file, a folder or a URI.", show_default=False)]
TrackingUri = Annotated[
    str | None,
    typer.Option(
        help="MLflow tracking server or database. Else MLFLOW_TRACKING_URI, else MLflow's own default.",
        show_default=False,
    ),
]
Experiment = Annotated[
    str | None,
    typer.Option(
        help="Experiment to write to; {app_name}, {user} and {queue} in it stand for the application's. "
        "Else MLFLOW_EXPERIMENT_NAME or _ID, else spark-applications.",
        show_default=False,
    ),
]
ParentRun = Annotated[
    str | None,
    typer.Option(
        help="Id of the run that the application goes under; it is neither ended nor re-timed.", show_default=False
    ),
]
Writer = Annotated[
    Literal["auto", "sql", "client"],
    typer.Option(
        help="How runs are written: auto (sql where the store is a database, else client), sql (straight into the "
        "database) or client (the tracking API)."
    ),
]
Restore = Annotated[bool, typer.Option("--restore", help="Bring back a tree that was deleted in MLflow.")]
TaskRuns = Annotated[
    Literal["all", "notable", "none"],
    typer.Option(
        help="Tasks that get a run: all (while there are at most --max-task-runs), notable (failed, killed, "
        "speculative, stragglers) or none."
    ),
]
MaxTaskRuns = Annotated[int, typer.Option(min=0, help="More tasks than this, and only the notable ones get a run.")]
Pictures = Annotated[
    Literal["auto", "all", "none"],
    typer.Option(
        help="What is drawn: auto (a report of an application with something to see, pictures of stages worth looking "
        "at), all (a report always) or none."
    ),
]
Trace = Annotated[
    bool, typer.Option("--trace", help="Write the application as an MLflow trace too, linked to its run.")
]
Findings = Annotated[
    str | None,
    typer.Option(
        help="TOML file with thresholds of findings: a table per code; see `afterglow schema thresholds`.",
        show_default=False,
    ),
]
Threshold = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CODE.NAME=VALUE", help="One threshold of findings, above the file's; repeatable.", show_default=False
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Exit 1 where a log is not complete.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
MaxLineBytes = Annotated[int, typer.Option(min=1024, help="Longer lines are passed over and reported.")]
MaxRatio = Annotated[
    int, typer.Option(min=1, help="A file that decompresses to more than this many times its size is refused.")
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Logs that are read at once, or parts of a large one. Without it, as many as there are cores.",
        show_default=False,
    ),
]

Tables = Annotated[
    str | None,
    typer.Option(
        help="Add the tables to a Parquet dataset there too, for questions over many applications: "
        "TABLES/<table>/date=.../application=.../.",
        show_default=False,
    ),
]
NoRuns = Annotated[bool, typer.Option("--no-runs", help="With --tables: nothing is written to MLflow.")]


@dataclass(frozen=True, slots=True)
class Importing:
    """What every command that imports can be told; a command has it by `@importing`."""

    tracking_uri: TrackingUri = None
    experiment: Experiment = None
    task_runs: TaskRuns = "all"
    max_task_runs: MaxTaskRuns = 2000
    pictures: Pictures = "auto"
    trace: Trace = False
    findings: Findings = None
    threshold: Threshold = None
    writer: Writer = "auto"

    def how(self, workers: int | None = None, limits: Sequence[int] = (), **more: Any) -> Any:
        """As ImportOptions; `limits` are --max-line-bytes and --max-ratio, `more` fields that this has not. Raises a
        usage error where a threshold is none."""
        from ..options import ImportOptions, ReadOptions

        named = dict(zip(("max_line_bytes", "max_ratio"), limits, strict=False))
        read = ReadOptions(
            workers=workers or terminal.cores(), thresholds=thresholds(self.findings, self.threshold), **named
        )
        return ImportOptions(read, self.task_runs, self.max_task_runs, pictures=self.pictures, trace=self.trace, **more)

    def experiments(self) -> Any:
        """Where the runs go: see open_experiments."""
        from ..pipeline import open_experiments

        return open_experiments(self.tracking_uri, self.experiment, self.writer, terminal.warn)


AS_USUAL = Importing()


def importing(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options of Importing in its signature, where its own parameter `importing` stands."""
    own, shared = inspect.signature(command).parameters, inspect.signature(Importing).parameters

    @functools.wraps(command)
    def flat(**given: Any) -> None:
        told = Importing(**{name: given.pop(name) for name in shared})
        command(importing=told, **given)

    parameters = [one for name, its in own.items() for one in (shared.values() if name == "importing" else [its])]
    flat.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    flat.__annotations__ = {one.name: one.annotation for one in parameters}
    return flat


def thresholds(file: str | None, given: Sequence[str] | None) -> Any:
    """The thresholds of findings that are wanted. Raises a usage error, with what is valid, where one is none."""
    from ..thresholds import wanted_thresholds

    try:
        return wanted_thresholds(file, given or ())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--threshold" if given else "--findings") from None


def dataset(tables: str | None, no_runs: bool) -> dict[str, Any]:
    """--tables and --no-runs as fields of ImportOptions. Raises a usage error where nothing would be written."""
    if no_runs and tables is None:
        raise typer.BadParameter("nothing would be written; say where with --tables", param_hint="--no-runs")
    return {"tables": tables, "runs": not no_runs}


def pairs(option: str, values: Sequence[str] | None) -> dict[str, str]:
    """KEY=VALUE, repeated. Raises a usage error where there is no `=`."""
    wrong = [value for value in values or () if "=" not in value]
    if wrong:
        raise typer.BadParameter(f"{wrong[0]!r} is not KEY=VALUE", param_hint=option)
    return {key: text for key, _, text in (value.partition("=") for value in values or ())}
