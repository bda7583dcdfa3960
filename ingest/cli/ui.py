"""`afterglow ui`"""

import contextlib
from typing import Annotated

import typer

from . import console, options


def ui(
    tracking_uri: options.TrackingUri = None,
    experiment: options.ExperimentToRead = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of the server. Default: a free one.", show_default=False)
    ] = None,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the address in the default browser.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Start MLflow's server for a local store and print the address of the imported applications.

    The server stops with Ctrl-C. For a tracking server, only the address is printed.
    """
    from ..local_server import free_port, overview_url, serve

    with console.errors():
        number = port or free_port()
        address, database = overview_url(tracking_uri, experiment, number)
        if database is None:
            _show(address, open_browser, as_json)
            return
        with contextlib.suppress(KeyboardInterrupt), serve(database, number) as server:
            _show(address, open_browser, as_json)
            server.wait()


def _show(address: str, open_browser: bool, as_json: bool) -> None:
    if as_json:
        console.print_json({"url": address})
    else:
        console.print_line(address)
    if open_browser:
        import webbrowser

        webbrowser.open(address)
