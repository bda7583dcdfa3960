"""`afterglow history [JOB]`"""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...schemas.job_history import COMPARED_RUNS
from . import console, option_groups, options

if TYPE_CHECKING:
    from ..job_history.render import Judged

Job = Annotated[
    str | None,
    typer.Argument(metavar="[JOB]", help="Name of a job, or a glob. Default: list the jobs.", show_default=False),
]
Last = Annotated[int, typer.Option(min=1, metavar="N", help="Show the last N runs.")]
CompareLast = Annotated[
    int, typer.Option(min=1, metavar="N", help="Compare each run with the last N complete runs before it.")
]
FromDataset = Annotated[
    str | None,
    typer.Option(
        "--dataset",
        metavar="URI",
        help="Read the runs from a Parquet dataset instead of MLflow; see backfill --dataset.",
        show_default=False,
    ),
]
HistoryPrices = Annotated[
    str | None,
    typer.Option(
        "--prices",
        metavar="FILE",
        help="With --dataset: TOML file with prices. MLflow has the costs of the import.",
        show_default=False,
    ),
]
Html = Annotated[str | None, typer.Option(help="Write it as one small HTML file, too.", show_default=False)]
All = Annotated[bool, typer.Option("--all/--no-all", help="Look in every experiment of the store.")]

_NAME_WIDTH = 80
_WIDTH_OF_BARS = 100
"""The least width of a terminal in which the durations are also drawn."""
_COLUMNS = (("start (UTC)", "start"), ("application", "app_id"), ("", "bar"), ("duration", "duration"))
_MORE_COLUMNS = (("data", "data"), ("spill", "spill"), ("findings", "num_findings"), ("compared", "short"))


def history(
    job: Job = None,
    last: Last = 30,
    compare_last: CompareLast = COMPARED_RUNS,
    orchestrator: options.OrchestratorFields = None,
    dataset: FromDataset = None,
    prices: HistoryPrices = None,
    html: Html = None,
    tracking_uri: options.TrackingUri = None,
    experiment: options.ExperimentToRead = None,
    everywhere: All = False,
    as_json: options.Json = False,
) -> None:
    """Show the runs of a recurring job: duration, cost, data and findings, and the run in which it got worse."""
    from ..filesystems import write_file
    from ..read_history import HistorySource, job_history, page_of, read_job_runs, summarize_jobs

    fields = option_groups.orchestrator_fields(orchestrator)
    price = option_groups.price_list(prices) if dataset is not None else None
    if job is None and html is not None:
        raise typer.BadParameter("name the job", param_hint="--html")
    with console.errors():
        runs = read_job_runs(HistorySource(tracking_uri, experiment, everywhere, dataset, price), job, fields)
        if job is None:
            _print_jobs(summarize_jobs(runs), as_json)
            return
        found = job_history(runs, last, compare_last)
        if html is not None:
            write_file(html, page_of(found[0][0].job, found))
    if as_json:
        console.print_json([_as_dict(*one) for one in found])
    else:
        _print(found)


def _as_dict(run: Any, verdict: Any) -> dict[str, Any]:
    compared = None if verdict is None else {**asdict(verdict), "kinds": list(verdict.kinds)}
    return {**asdict(run), "verdict": compared}


def _print_jobs(jobs: list[Any], as_json: bool) -> None:
    if as_json:
        console.print_json([{"job": one.job, "runs": one.runs, "last": asdict(one.last)} for one in jobs])
        return
    if not jobs:
        console.print_line("No application with a job is there.")
        return
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("Job", "Runs", "Last application", "Regression"):
        table.add_column(title, no_wrap=True, justify="right" if title == "Runs" else "left")
    for one in jobs:
        cells = (console.shortened(one.job, _NAME_WIDTH), f"{one.runs:,}", one.last.app_id, ", ".join(one.last.kinds))
        table.add_row(*map(console.rich_text, cells))
    console.unbounded_out().print(table)


def _print(found: "list[Judged]") -> None:
    from rich.table import Table

    from ..job_history.render import MISSING
    from ..read_history import rows_of

    cost, rows = rows_of(found)
    console.print_line(found[0][0].job, "bold")
    out = console.wide_out()
    shown = [
        (title, name)
        for title, name in (*_COLUMNS, (cost, "cost"), *_MORE_COLUMNS)
        if any(row[name] not in ("", MISSING) for row in rows)
    ]
    if out.width < _WIDTH_OF_BARS:
        shown = [column for column in shown if column[1] != "bar"]
    table = Table(box=None, header_style="dim", pad_edge=False)
    for title, name in shown:
        is_figure = name not in ("start", "app_id", "bar", "short")
        table.add_column(
            title, justify="right" if is_figure else "left", no_wrap=name not in ("app_id", "short"), overflow="fold"
        )
    for row in rows:
        style = "bold red" if row["changed"] else "red" if row["regression"] or row["status"] == "failed" else ""
        table.add_row(*(console.rich_text(row[name], style) for _, name in shown))
    out.print(table)
    for row in rows:
        if row["changed"]:
            console.print_line(f"Changed by {row['app_id']}: {row['verdict']}", "red")
