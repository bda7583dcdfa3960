"""Column, Metric and Table, which all other schemas are built from.

Nothing here imports pyarrow or mlflow, so that `afterglow --help` and `afterglow schema` start fast.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Type = Literal["int64", "int32", "double", "bool", "string", "binary", "list<int64>", "list<string>"]
Aggregate = Literal["sum", "max"]
Text = Literal["free", "constant", "property", "param", "json"]
"""What may be in a text column, and so how secrets are taken out of it: see `Column`."""


_UNITS = {unit: unit for unit in ("ms", "ns", "s", "bytes", "ratio", "records")}


@dataclass(frozen=True, slots=True)
class Metric:
    """The MLflow metric of a column.

    `factor` converts the column's unit into the metric's. `aggregate` combines task values into those of stage, job,
    fit, trial, tuning and application. The metric has the same name and meaning at every level.
    """

    name: str
    factor: float = 1.0
    aggregate: Aggregate = "sum"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name with its unit, its type, one sentence, and the source of its value.

    `source` is a path into the event log, which the reader follows (`TaskEnd > Task Metrics > Executor CPU Time`), or
    `derived: <formula in words>`. `since` is the first version of Spark that writes the value.

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
        """The keys from the event's top level to the value. None for a derived column."""
        if self.source.startswith("derived:"):
            return None
        return tuple(part.strip() for part in self.source.split(">"))[1:]

    @property
    def unit(self) -> str:
        """The unit in the column's name. Empty for a value without a unit."""
        return _UNITS.get(self.name.rpartition("_")[2], "") if "_" in self.name else ""


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its grain (what one row is), the columns that identify a row, and all columns in order."""

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
