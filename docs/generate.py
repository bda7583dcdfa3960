"""Write docs/tables.md, docs/runs.md and docs/findings.md from the declarations in schemas/. `make docs` runs this."""

import textwrap
from pathlib import Path
from typing import Any

from afterglow.schemas.reference import Document, documents

_HERE = Path(__file__).parent
_RUNS = ("levels", "metrics", "params", "tags")
_FINDINGS = ("finding-codes", "causes", "thresholds")
_HEAD = "<!-- Generated from schemas/ by `make docs`; do not edit. -->\n\n"


_ON_FINDINGS = """# Findings

A finding says what made an application slow, what it cost, and what to do. Findings are:

- rows of the table `findings`
- tags `afterglow.finding.<code>` and sentences in the descriptions of the runs they are about
- lines of `afterglow show`

The cost of a finding is the estimated wall time that a fix would save. Costs of several findings
overlap and do not add up. A finding is reported if its cost exceeds the thresholds `cost_s` and
`cost_ratio`. Findings of several stages with one name are one finding with their total cost. The
severity follows the share of the application's duration. Informational findings have no cost.

To change a threshold use `--threshold skew.time_ratio=4`, or a TOML file with `--thresholds FILE`:

```toml
[any]
cost_s = 10

[skew]
time_ratio = 4
```

Search in MLflow with these filters:

- `` tags.`afterglow.finding.skew` LIKE 'critical%' `` finds runs with a critical skew.
- `` metrics.`findings/cost_s` > 60 `` finds runs whose most expensive finding costs a minute.

[measurements/findings-compared.md](measurements/findings-compared.md) compares findings with
seeded faults and with the rules of other tools.

"""


def pages() -> dict[str, str]:
    """File name -> its text."""
    known = documents()
    tables = {n: document for n, document in known.items() if n not in (*_RUNS, *_FINDINGS, "issue-codes")}
    return {
        "tables.md": _HEAD
        + "# Tables\n\n`afterglow export` writes these tables as Parquet. `afterglow.read` returns them.\n"
        "Columns keep Spark's units. Times are milliseconds, UTC epoch. A missing value is null.\n\n"
        + "\n".join(
            _section(name, document) for name, document in {**tables, "issue-codes": known["issue-codes"]}.items()
        ),
        "runs.md": _HEAD
        + "# Runs\n\n`afterglow import` writes these runs to MLflow.\n\n"
        + "\n".join(_section(name, known[name]) for name in _RUNS),
        "findings.md": _HEAD + _ON_FINDINGS + "\n".join(_section(name, known[name]) for name in _FINDINGS),
    }


def _section(name: str, document: Document) -> str:
    head = list(document.rows[0])
    lines = [
        f"## {name}",
        "",
        textwrap.fill(document.doc[0].upper() + document.doc[1:] + ".", 100),
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
