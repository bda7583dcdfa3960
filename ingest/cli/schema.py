"""`afterglow schema [TABLE]`"""

from typing import Annotated, Any

import typer

from . import console, options


def schema(
    table: Annotated[
        str | None,
        typer.Argument(
            help="Name of a table, or levels, metrics, params, tags, issue-codes, ... Default: list the names.",
            show_default=False,
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Print every column, metric, tag and run level, with unit and source."""
    from ...schemas.declaration_docs import documents

    known = documents()
    if table is None:
        rows: list[dict[str, Any]] = [
            {"name": name, "what": document.doc, "rows": len(document.rows)} for name, document in known.items()
        ]
        _print("afterglow schema NAME", rows, as_json)
        return
    if table not in known:
        raise typer.BadParameter(f"{table!r} is not one of {', '.join(known)}", param_hint="TABLE")
    _print(f"{table}: {known[table].doc}", known[table].rows, as_json)


def _print(title: str, rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        console.print_json(rows)
        return
    from rich.table import Table
    from rich.text import Text

    shown = Table(title=Text(title), title_justify="left", box=None, header_style="bold", pad_edge=False)
    for column in rows[0]:
        shown.add_column(column, overflow="fold", no_wrap=column == "name")
    for row in rows:
        shown.add_row(*(Text(str(value)) for value in row.values()))
    console.wide_out().print(shown)
