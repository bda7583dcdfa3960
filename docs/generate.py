"""Writes docs/tables.md and docs/runs.md from the declarations in schemas/. `make docs` runs it."""

from pathlib import Path
from typing import Any

from afterglow.schemas.documents import Document, documents

_HERE = Path(__file__).parent
_RUNS = ("levels", "metrics", "params", "tags")
_HEAD = "<!-- Generated from schemas/ by `make docs`; do not edit. -->\n\n"


def pages() -> dict[str, str]:
    """File name -> its text."""
    known = documents()
    tables = {name: document for name, document in known.items() if name not in (*_RUNS, "issue-codes")}
    return {
        "tables.md": _HEAD + "# Tables\n\n`afterglow export` writes these as Parquet; `afterglow.ingest.read` returns "
        "them. Columns keep Spark's raw units, times are milliseconds of the UTC epoch, missing is null.\n\n"
        + "\n".join(
            _section(name, document) for name, document in {**tables, "issue-codes": known["issue-codes"]}.items()
        ),
        "runs.md": _HEAD
        + "# Runs\n\n`afterglow import` writes these to MLflow.\n\n"
        + "\n".join(_section(name, known[name]) for name in _RUNS),
    }


def _section(name: str, document: Document) -> str:
    head = list(document.rows[0])
    lines = [
        f"## {name}",
        "",
        document.doc[0].upper() + document.doc[1:] + ".",
        "",
        _row(head),
        _row(["---"] * len(head)),
    ]
    return "\n".join([*lines, *(_row([row[column] for column in head]) for row in document.rows), ""])


def _row(cells: list[Any]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("<", "&lt;") for cell in cells) + " |"


if __name__ == "__main__":
    for file, text in pages().items():
        (_HERE / file).write_text(text, encoding="utf-8")
