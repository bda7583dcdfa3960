"""Writes docs/tables.md, docs/runs.md and docs/findings.md from the declarations in schemas/. `make docs` runs it."""

from pathlib import Path
from typing import Any

from afterglow.schemas.reference import Document, documents

_HERE = Path(__file__).parent
_RUNS = ("levels", "metrics", "params", "tags")
_FINDINGS = ("finding-codes", "causes", "thresholds")
_HEAD = "<!-- Generated from schemas/ by `make docs`; do not edit. -->\n\n"


_ON_FINDINGS = """# Findings

What made an application slow, as rows of the table `findings`, as tags `afterglow.finding.<code>` and sentences on
the runs they are about and on the application, and as lines of `afterglow show`. A finding's cost is the wall time
that would be saved without it, as estimated: costs of several findings overlap and do not add up. A finding is told
where its cost is worth a person's time, in seconds and as a share of the application; findings of several stages of
one name are one, whose cost is their sum. Its severity goes by that share. What is listed without a cost is no fault
but a figure of every application.

Every threshold may be set otherwise, by `--threshold skew.time_ratio=4` or a TOML file, `--findings FILE`:

```toml
[any]
cost_s = 10

[skew]
time_ratio = 4
```

In MLflow's search `` tags.`afterglow.finding.skew` LIKE 'critical%' `` finds the runs with a critical one, `LIKE '%'`
all, and `` metrics.`findings/cost_s` > 60 `` those whose dearest finding costs a minute. How findings compare with the
rules of other tools, and how they do on seeded faults: [findings-compared.md](findings-compared.md).

"""


def pages() -> dict[str, str]:
    """File name -> its text."""
    known = documents()
    tables = {n: document for n, document in known.items() if n not in (*_RUNS, *_FINDINGS, "issue-codes")}
    return {
        "tables.md": _HEAD + "# Tables\n\n`afterglow export` writes these as Parquet; `afterglow.ingest.read` returns "
        "them. Columns keep Spark's raw units, times are milliseconds of the UTC epoch, missing is null.\n\n"
        + "\n".join(
            _section(name, document) for name, document in {**tables, "issue-codes": known["issue-codes"]}.items()
        ),
        "runs.md": _HEAD
        + "# Runs\n\n`afterglow import` writes these to MLflow.\n\n"
        + "\n".join(_section(name, known[name]) for name in _RUNS),
        "findings.md": _HEAD + _ON_FINDINGS + "\n".join(_section(name, known[name]) for name in _FINDINGS),
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
