"""Prices of core hours, memory and machines, as a price file has them; docs/cost.md describes the file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

TOTAL, TASKS, IDLE, DRIVER = "cost/total", "cost/tasks", "cost/idle", "cost/driver"
CURRENCY_TAG = "afterglow.currency"


@dataclass(frozen=True, slots=True)
class Instance:
    """A type of machine: its price per hour, its cores, and the DBUs that it uses per hour."""

    hour: float
    cores: float
    dbu: float = 0.0


@dataclass(frozen=True, slots=True)
class Price:
    """What an hour costs: of a core, of a GiB of memory, of a DBU, or of the machines of a type.

    `where` are globs by condition, all of which have to match: `queue`, `cluster`, a field of an orchestrator
    (`airflow.dag`), or a Spark property.
    """

    where: Mapping[str, str] = field(default_factory=dict)
    core_hour: float = 0.0
    gb_hour: float = 0.0
    dbu: float = 0.0
    instance: str | None = None


@dataclass(frozen=True, slots=True)
class PriceList:
    """A price file. The first price that matches an application is its price. `identity` is a digest of the file."""

    currency: str
    prices: Sequence[Price]
    instances: Mapping[str, Instance]
    identity: str


@dataclass(frozen=True, slots=True)
class Rate:
    """The price of one application: of a millisecond of an executor's core, with the memory beside it, and of a
    millisecond of the driver."""

    currency: str
    core_ms: float
    driver_ms: float
