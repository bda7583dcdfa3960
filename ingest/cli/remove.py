"""`afterglow remove APP_ID...`"""

from typing import Annotated

import typer

from . import console as terminal
from . import options

AppIds = Annotated[list[str], typer.Argument(metavar="APP_ID...", help="Application ids.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
All = Annotated[bool, typer.Option("--all", help="In every experiment of the store.")]


def remove(
    app_ids: AppIds,
    tracking_uri: options.TrackingUri = None,
    experiment: options.Experiment = None,
    everywhere: All = False,
    yes: Yes = False,
    quiet: options.Quiet = False,
) -> None:
    """Take an application's runs out again. They can be brought back: `afterglow import --restore`.

    Runs that the training job itself made, and the log, are left alone.
    """
    from ..status import imported_applications, remove_application

    with terminal.errors():
        found = [
            root
            for root in imported_applications(app_ids, tracking_uri, experiment, everywhere)
            if root["state"] != "deleted"
        ]
        missing = sorted(set(app_ids) - {root["application"] for root in found})
        for root in found:
            runs = "its" if root["runs"] is None else f"{root['runs']:,}"
            question = f"Delete {runs} runs of {root['application']} ({root['name']}), attempt {root['attempt']}?"
            if not yes and not typer.confirm(question, err=True):
                continue
            number = remove_application(root, tracking_uri, experiment)
            if not quiet:
                terminal.out().print(f"{root['application']}: {number:,} runs deleted", markup=False)
    for app_id in missing:
        terminal.print_error(ValueError(f"{app_id}: not imported there; `afterglow status --all` lists what is"))
    if missing:
        raise typer.Exit(1)
