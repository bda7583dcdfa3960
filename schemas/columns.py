"""The vocabulary every other schema is written in: Column, Metric, Table.

Nothing here imports pyarrow or mlflow, so that `afterglow --help` and `afterglow schema` answer at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Type = Literal["int64", "int32", "double", "bool", "string", "list<int64>", "list<string>"]
Aggregate = Literal["sum", "max"]
Text = Literal["free", "constant", "property", "param", "json"]
"""What may be in a text column, and so how secrets are taken out of it: see `Column`."""


@dataclass(frozen=True, slots=True)
class Metric:
    """How a column becomes an MLflow metric.

    `factor` converts the column's raw unit into the metric's. `aggregate` says how task values are rolled up to
    stage, job, fit, trial, tuning and application; the metric has the same name and meaning at every level.
    """

    name: str
    factor: float = 1.0
    aggregate: Aggregate = "sum"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name (with the unit in it), type, one sentence, and where its value comes from.

    `source` is a path into the event log (`TaskEnd > Task Metrics > Executor CPU Time`), which the reader follows,
    or `derived: <formula in words>`. `since` is the first Spark that writes it.

    `text` says what ingest.redaction does with a text column. `free` is searched for secrets. `constant` is not, since
    Afterglow's code writes it and no text of a log is in it. `property` is the value of the Spark property in the
    column `key`, `param` the value of the param or tag in the column `name`, and `json` a JSON object of params.
    """

    name: str
    type: Type
    doc: str
    source: str
    since: str = "1.2"
    metric: Metric | None = None
    text: Text = "free"

    @property
    def path(self) -> tuple[str, ...] | None:
        """The keys from the event's top level down to the value; None for a derived column."""
        if self.source.startswith("derived:"):
            return None
        return tuple(part.strip() for part in self.source.split(">"))[1:]

    @property
    def unit(self) -> str:
        """The unit as the column's name states it; empty where the value has none."""
        units = {"_ms": "ms", "_ns": "ns", "_s": "s", "_bytes": "bytes", "_ratio": "ratio", "_records": "records"}
        return next((unit for ending, unit in units.items() if self.name.endswith(ending)), "")


@dataclass(frozen=True, slots=True)
class Table:
    """One table: what a row is (grain), the columns that identify it, and its columns in order."""

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __getitem__(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """The column names in order."""
        return tuple(column.name for column in self.columns)
