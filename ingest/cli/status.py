"""`afterglow status [APP_ID...]`"""

from typing import Annotated

import typer

from . import console, options

AppIds = Annotated[
    list[str] | None, typer.Argument(metavar="[APP_ID]...", help="Ids of applications to list.", show_default=False)
]
_ID_WIDTH, _NAME_WIDTH = 80, 60
All = Annotated[bool, typer.Option("--all/--no-all", help="Look in every experiment of the store.")]


def status(
    app_ids: AppIds = None,
    tracking_uri: options.TrackingUri = None,
    experiment: options.ExperimentToRead = None,
    everywhere: All = False,
    as_json: options.Json = False,
) -> None:
    """List the imported applications, with completeness, number of runs, time and version of the import."""
    from ..status import list_imported

    with console.errors():
        found = list_imported(app_ids or [], tracking_uri, experiment, everywhere)
    if as_json:
        console.print_json([application.as_dict() for application in found])
        return
    if not found:
        console.print_line("No application is imported there.")
        return
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("Application", "Name", "State", "Log", "Runs", "Written", "Version"):
        table.add_column(title, no_wrap=True, justify="right" if title == "Runs" else "left")
    for one in found:
        runs = "" if one.runs is None else f"{one.runs:,}"
        log = (one.completeness or "").replace("_", " ")
        name = console.shortened(one.name, _NAME_WIDTH)
        cells = (console.shortened(one.app_id, _ID_WIDTH), name, one.state, log, runs, one.written_at, one.version)
        table.add_row(*map(console.rich_text, cells))
    console.unbounded_out().print(table)
