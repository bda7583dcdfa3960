"""`afterglow compare A B`"""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from . import console, option_groups, options

A = Annotated[
    str, typer.Argument(metavar="A", help="Before: a log, an application id, or a run id.", show_default=False)
]
B = Annotated[str, typer.Argument(metavar="B", help="After: likewise.", show_default=False)]
FailIf = Annotated[
    list[str] | None,
    typer.Option(
        help="Exit 1 if B minus A of a metric is beyond a limit: 'time/duration_s > 20%', 'findings/critical > 0'; of "
        "any stage: 'stage:time/duration_s > 50%' (less than a second is none). May be given several times.",
        show_default=False,
    ),
]
Html = Annotated[str | None, typer.Option(help="Write it as one small HTML file, too.", show_default=False)]
Attach = Annotated[
    bool, typer.Option("--attach/--no-attach", help="Write the HTML file as an artifact of B's run in MLflow.")
]


@option_groups.grouped
def compare(
    a: A,
    b: B,
    fail_if: FailIf = None,
    html: Html = None,
    attach: Attach = False,
    tracking_uri: options.TrackingUri = None,
    experiment: options.ExperimentToRead = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    workers: options.Workers = None,
    server: option_groups.HistoryServer = option_groups.NO_SERVER,
) -> None:
    """Tell what got slower from A to B, by how much and why, and which findings are new and gone.

    Stages are matched by what they compute and by name. With --fail-if it exits 1 where a limit is broken, for CI.
    """
    from ..compare_apps import attach_comparison, check_limits, compare_applications
    from ..errors import InputError
    from ..filesystems import write_file
    from ..options import ReadOptions, available_cores

    try:
        check_limits(fail_if or ())
    except InputError as error:
        raise typer.BadParameter(str(error), param_hint="--fail-if") from None
    with console.errors():
        reading = ReadOptions(workers=workers or available_cores(), history_server=server.options())
        compared = compare_applications(a, b, fail_if or (), tracking_uri, experiment, reading)
        if html is not None:
            write_file(html, compared.html)
        attached = attach_comparison(compared, tracking_uri, experiment) if attach else None
    if as_json:
        console.print_json(_as_dict(compared))
    elif not quiet:
        _print(compared)
        if attached:
            console.print_line(f"Written as {attached} to run {compared.root.run_id}")
    for text in compared.broken:
        console.print_line(f"limit exceeded: {text}", "red", to_stderr=True)
    raise typer.Exit(1 if compared.broken else 0)


def _as_dict(compared: Any) -> dict[str, Any]:
    found = compared.comparison
    sides = {
        name: {
            "label": s.label,
            "app_id": s.app_id,
            "app_attempt": s.app_attempt,
            "name": s.name,
            "complete": s.complete,
        }
        for name, s in (("a", found.a), ("b", found.b))
    }
    return {
        **sides,
        "verdict": found.verdict,
        "sentence": found.sentence,
        "metrics": [{**asdict(one), "by": one.by, "ratio": one.ratio} for one in found.metrics],
        "stages": [
            {
                "name": one.name,
                "count_a": one.count_a,
                "count_b": one.count_b,
                "duration_a_s": one.duration.a,
                "duration_b_s": one.duration.b,
                "by_s": one.duration.by,
                "why": list(one.why),
                "pairs": [[x.stage_id if x else None, y.stage_id if y else None] for x, y in one.pairs],
            }
            for one in found.stages
        ],
        "findings_new": list(found.findings_new),
        "findings_gone": list(found.findings_gone),
        "broken": list(compared.broken),
    }


def _print(compared: Any) -> None:
    from rich.table import Table
    from rich.text import Text

    from ..compare_apps import comparison_rows

    found, out = compared.comparison, console.wide_out()
    color = {"slower": "bold red", "faster": "bold green"}.get(found.verdict, "bold")
    out.print(Text(found.sentence, color))
    stages, new, gone = comparison_rows(found)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for head in ("stage", "before", "after", "change", "what else changed"):
        table.add_column(head, justify="right" if head in ("before", "after", "change") else "left")
    for row in stages:
        name = " ".join(row["name"].split())
        name = (name if len(name) <= 60 else name[:59] + "…") + (f" ({row['counts']})" if row["counts"] else "")
        style = "red" if row["way"] == "worse" else "green"
        table.add_row(Text(name), row["a"], row["b"], Text(row["change"], style), Text(row["why"], "dim"))
    out.print(table)
    for title, rows in (("New", new), ("Gone", gone)):
        for row in rows:
            out.print(Text(f"{title}: {row['code']} {row['cost']} {row['message']}"))
