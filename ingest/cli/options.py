"""Every option that several commands have, declared once."""

from typing import Annotated, Any, Literal, get_args

import typer

from ..options import ReportMode
from ..options import TaskRuns as TaskRunsMode

REGRESSION_EXIT_CODE = 6


def one_of(literal: object, help: str, *names: str) -> Any:
    """An option whose values are those of a Literal, which typer itself reads since 0.19 only."""
    choices = get_args(literal)

    def parse(value: str) -> str:
        if value not in choices:
            raise typer.BadParameter(f"{str(value)!r} is not one of {', '.join(map(repr, choices))}.")
        return value

    def complete(incomplete: str) -> list[str]:
        return [choice for choice in choices if choice.startswith(incomplete)]

    return typer.Option(*names, parser=parse, metavar=f"[{'|'.join(choices)}]", autocompletion=complete, help=help)


def _not_empty(name: str | None) -> str | None:
    if name is not None and not name.strip():
        raise typer.BadParameter("it is empty; name an experiment or omit the option")
    return name


Logs = Annotated[
    list[str],
    typer.Argument(
        metavar="LOG...", help="Event logs: files, rolling folders, folders of logs, globs or URIs.", show_default=False
    ),
]
TrackingUri = Annotated[
    str | None,
    typer.Option(
        help="MLflow tracking server or database. Default: MLFLOW_TRACKING_URI, then MLflow's own default.",
        show_default=False,
    ),
]
Experiment = Annotated[
    str | None,
    typer.Option(
        help="Experiment to write to. {app_name}, {user} and {queue} are replaced by those of the application. "
        "Default: MLFLOW_EXPERIMENT_NAME or _ID, then spark-applications.",
        show_default=False,
        callback=_not_empty,
    ),
]
ExperimentToRead = Annotated[
    str | None,
    typer.Option(
        "--experiment",
        help="Experiment to look in. Default: MLFLOW_EXPERIMENT_NAME or _ID, then spark-applications.",
        show_default=False,
        callback=_not_empty,
    ),
]
ParentRun = Annotated[
    str | None,
    typer.Option(
        help="Id of an existing run to put the application under. Its start, end and status do not change.",
        show_default=False,
    ),
]
WriterName = Literal["auto", "sql", "rest"]
Writer = Annotated[
    WriterName,
    one_of(
        WriterName,
        "How to write runs: sql (directly into the database), rest (MLflow's tracking API) or auto (sql if the "
        "store is a database, else rest).",
    ),
]
Prices = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", help="TOML file with prices, for the cost of every run; see docs/cost.md.", show_default=False
    ),
]
CompareLast = Annotated[
    int,
    typer.Option(
        min=0, help="Compare an application with the last N complete runs of its job. 0: do not compare.", metavar="N"
    ),
]
Webhook = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="POST a regression to this address, once for each in which it begins.", show_default=False
    ),
]
WebhookBody = Literal["json", "slack"]
WebhookFormat = Annotated[WebhookBody, one_of(WebhookBody, "Body for the webhook: an event (json) or a text (slack).")]
FailOn = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KIND",
        help=f"Exit {REGRESSION_EXIT_CODE} if an application got worse than the runs of its job before: regression "
        "(any kind), slower, dearer, spill, finding or failed. Repeatable.",
        show_default=False,
    ),
]
OrchestratorUrl = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=URL",
        help="Base address of an orchestrator, such as airflow=https://airflow.example.com, for links to its runs. "
        "Repeatable.",
        show_default=False,
    ),
]
OrchestratorFields = Annotated[
    list[str] | None,
    typer.Option(
        "--orchestrator",
        metavar="FIELD=GLOB",
        help="Glob for a field of the orchestrator's run, such as airflow.dag=sales_*. Repeatable; all must match.",
        show_default=False,
    ),
]
Restore = Annotated[bool, typer.Option("--restore/--no-restore", help="Restore runs that were deleted in MLflow.")]
TaskRuns = Annotated[
    TaskRunsMode,
    one_of(
        TaskRunsMode,
        "Tasks that get a run: all (up to --max-task-runs tasks), notable (failed, killed, speculative, "
        "stragglers) or none.",
    ),
]
MaxTaskRuns = Annotated[
    int, typer.Option(min=0, help="If an application has more tasks than this, only notable ones get a run.")
]
MaxJobRuns = Annotated[
    int,
    typer.Option(
        min=0,
        help="Maximum number of jobs with a run. Of more, failed and slow jobs, those with findings and some of each "
        "kind get one.",
    ),
]
MaxStageRuns = Annotated[
    int, typer.Option(min=0, help="Maximum number of stage attempts with a run, chosen like --max-job-runs.")
]
Report = Annotated[
    ReportMode,
    one_of(
        ReportMode,
        "Attach an HTML report and plots of stages: auto (if there is something to see), all (always) or none.",
    ),
]
Trace = Annotated[
    bool, typer.Option("--trace/--no-trace", help="Also write the application as an MLflow trace, linked to its run.")
]
Thresholds = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="TOML file with thresholds of findings, one table per finding code. See `afterglow schema thresholds`.",
        show_default=False,
    ),
]
Threshold = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CODE.NAME=VALUE",
        help="Set one threshold of a finding; overrides --thresholds. Repeatable.",
        show_default=False,
    ),
]
Strict = Annotated[bool, typer.Option("--strict/--no-strict", help="Exit 1 if a log is not complete.")]
Json = Annotated[bool, typer.Option("--json/--no-json", help="Print JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet/--no-quiet", "-q", help="Print errors only.")]
MaxLineBytes = Annotated[int, typer.Option(min=1024, help="Skip and report lines that are longer than this.")]
MaxRatio = Annotated[
    int, typer.Option(min=1, help="Refuse a file that decompresses to more than this many times its size.")
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Number of logs, or parts of a large log, to read in parallel. Default: the number of cores.",
        show_default=False,
    ),
]
Dataset = Annotated[
    str | None,
    typer.Option(
        metavar="URI",
        help="Also add the tables to a Parquet dataset over all applications: URI/<table>/date=.../application=.../.",
        show_default=False,
    ),
]
Header = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME: VALUE",
        help="Header of the requests to a History Server, such as 'Authorization: Bearer ...'. Repeatable.",
        show_default=False,
    ),
]
CaBundle = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Certificates (PEM) to trust for a History Server, instead of the usual ones.",
        show_default=False,
    ),
]
ClientCert = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Client certificate (PEM) for a History Server.", show_default=False),
]
ClientKey = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Key of --client-cert (PEM, without a password), unless that file has it.",
        show_default=False,
    ),
]
NoRuns = Annotated[bool, typer.Option("--no-runs/--runs", help="With --dataset: do not write to MLflow.")]
