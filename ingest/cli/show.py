"""`afterglow show LOG...`"""

from typing import Annotated

import typer

from ...schemas.runs.levels import LEVELS
from ..options import MAX_LINE_BYTES, MAX_RATIO
from . import console, option_groups, options

_LEVELS = [level.level for level in LEVELS]


@option_groups.grouped
def show(
    logs: options.Logs,
    depth: Annotated[str, typer.Option(help=f"Deepest level to print: {', '.join(_LEVELS)}.")] = "stage",
    max_children: Annotated[
        int, typer.Option(min=1, help="Print at most this many runs, the longest, below a run.")
    ] = 20,
    html: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Write the report as one HTML file; for several logs, a folder.", show_default=False
        ),
    ] = None,
    thresholds: options.Thresholds = None,
    threshold: options.Threshold = None,
    prices: options.Prices = None,
    strict: options.Strict = False,
    as_json: options.Json = False,
    workers: options.Workers = None,
    max_line_bytes: options.MaxLineBytes = MAX_LINE_BYTES,
    max_ratio: options.MaxRatio = MAX_RATIO,
    server: option_groups.HistoryServer = option_groups.NO_SERVER,
) -> None:
    """Print the run tree and the findings of event logs in the terminal, without MLflow."""
    if depth not in _LEVELS:
        raise typer.BadParameter(f"{depth!r} is not one of {', '.join(_LEVELS)}", param_hint="--depth")
    from ..engines.local import show_logs
    from ..errors import AfterglowError
    from ..find_logs import find_logs
    from ..pipeline import write_report
    from .render_tree import print_application

    read = option_groups.read_options(thresholds, threshold, workers, max_line_bytes, max_ratio, server)
    priced = option_groups.price_list(prices)
    levels = _LEVELS[: _LEVELS.index(depth) + 1]
    batch = console.Batch(strict)
    with console.errors():
        found = find_logs(logs, read.history_server)
        for outcome in show_logs(found, read, "all" if depth == "task" else "none", priced):
            if isinstance(outcome, AfterglowError):
                batch.failure(outcome)
                continue
            app, tree = outcome
            tables = app.tables
            batch.success(tables.application["log_complete"])
            if html is not None:
                write_report(app, tree, html, folder=len(found) > 1)
            if as_json:
                content = {
                    "application": tables.application,
                    "issues": tables["issues"].to_pylist(),
                    "findings": tables["findings"].to_pylist(),
                    "runs": [run.as_dict() for run in tree.all() if run.level in levels],
                }
                console.print_json(content)
            else:
                print_application(tables, tree, levels, max_children)
    raise typer.Exit(batch.exit_code)
