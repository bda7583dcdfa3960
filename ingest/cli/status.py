"""`afterglow status [APP_ID...]`"""

from typing import Annotated

import typer

from . import console as terminal
from . import options

AppIds = Annotated[
    list[str] | None, typer.Argument(metavar="[APP_ID]...", help="Only these applications.", show_default=False)
]
All = Annotated[bool, typer.Option("--all", help="In every experiment of the store.")]


def status(
    app_ids: AppIds = None,
    tracking_uri: options.TrackingUri = None,
    experiment: options.Experiment = None,
    everywhere: All = False,
    as_json: options.Json = False,
) -> None:
    """List what is imported: application, completeness, runs, when, by which version."""
    from ..status import imported_applications

    with terminal.errors():
        roots = imported_applications(app_ids or [], tracking_uri, experiment, everywhere)
    if as_json:
        terminal.print_json(roots)
        return
    if not roots:
        terminal.out().print("Nothing is imported there.")
        return
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("Application", "Name", "State", "Log", "Runs", "Written", "Version"):
        # what one copies or compares stays whole; a name may be folded
        table.add_column(
            title, no_wrap=title != "Name", overflow="fold", justify="right" if title == "Runs" else "left"
        )
    for root in roots:
        runs = "" if root["runs"] is None else f"{root['runs']:,}"
        log = str(root["completeness"] or "").replace("_", " ")
        shown = (root["application"], root["name"], root["state"], log, runs, root["written_at"], root["version"])
        table.add_row(*(terminal.plain(value) for value in shown))
    terminal.tree_out().print(table)
