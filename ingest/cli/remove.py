"""`afterglow remove APP_ID...`"""

from typing import Annotated

import typer

from . import console, options

AppIds = Annotated[list[str], typer.Argument(metavar="APP_ID...", help="Ids of applications.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes/--no-yes", "-y", help="Do not ask for confirmation.")]
All = Annotated[bool, typer.Option("--all/--no-all", help="Look in every experiment of the store.")]


def remove(
    app_ids: AppIds,
    tracking_uri: options.TrackingUri = None,
    experiment: options.ExperimentToRead = None,
    everywhere: All = False,
    yes: Yes = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Delete the runs of applications. `afterglow import --restore` restores them.

    Runs that the training job itself made, and the log, are kept.
    """
    from ..status import list_imported, remove_application

    with console.errors():
        imported = list_imported(app_ids, tracking_uri, experiment, everywhere)
        found = [one for one in imported if one.state != "deleted"]
        missing = sorted(set(app_ids) - {one.app_id for one in found})
        for one in found:
            runs = "the" if one.runs is None else f"{one.runs:,}"
            name, app_id = console.shortened(one.name, 100), console.shortened(one.app_id, 80)
            question = f"Delete {runs} runs of {app_id} ({name}), attempt {one.attempt}?"
            if not yes and not typer.confirm(question, err=True):
                continue
            number = remove_application(one, tracking_uri, experiment)
            if as_json:
                row = {"application": one.app_id, "attempt": one.attempt, "run_id": one.run_id, "removed": number}
                console.print_json(row)
            elif not quiet:
                console.print_line(f"{app_id}: {number:,} runs deleted")
    for app_id in missing:
        console.print_error(ValueError(f"{app_id}: not imported there; see `afterglow status --all`"))
    if missing:
        raise typer.Exit(1)
