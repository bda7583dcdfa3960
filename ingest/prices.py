"""Read a price file, and find the price of an application."""

import hashlib
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

from ..schemas.prices import Instance, Price, PriceList, Rate
from .filesystems import read_toml
from .orchestrators import find_orchestrator_runs, orchestrator_fields

_FIGURES = ("core_hour", "gb_hour", "dbu")
_CLUSTERS = ("databricks.cluster", "emr.cluster", "emr.virtual_cluster")
_HOUR_MS = 3.6e6
_UNITS = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40, "p": 2**50}
_SIZE = re.compile(r"\s*(\d{1,12})\s*([kmgtp]?)b?\s*", re.IGNORECASE)
# org.apache.spark.internal.config: EXECUTOR_MEMORY_OVERHEAD_FACTOR, EXECUTOR_MIN_MEMORY_OVERHEAD
_OVERHEAD_FACTOR, _MIN_OVERHEAD_MIB = 0.1, 384
# Databricks sets both for every cluster (no public source; seen in real logs)
_NODE_TYPE = "spark.databricks.clusterUsageTags.clusterNodeType"
_DRIVER_NODE_TYPE = "spark.databricks.clusterUsageTags.driverNodeType"


def read_prices(path: str) -> PriceList:
    """The prices in a TOML file.

    Raises:
        ValueError: the file cannot be read, or has an unknown key or a value of another type.
    """
    content = read_toml(path)
    instances = {
        name: _instance(f"{path}: instance {name!r}", values)
        for name, values in _table(path, content.pop("instances", {})).items()
    }
    currency = content.pop("currency", "USD")
    if not isinstance(currency, str):
        raise ValueError(f"{path}: currency must be a text")
    listed = content.pop("prices", [])
    if not isinstance(listed, list):
        raise ValueError(f"{path}: write [[prices]] above every price")
    prices = [_price(path, _table(path, one), instances) for one in [*listed, content]]
    digest = hashlib.blake2b(repr((currency, prices, sorted(instances.items()))).encode(), digest_size=8)
    return PriceList(currency, prices, instances, digest.hexdigest())


def find_rate(
    prices: PriceList, properties: Mapping[str, str], cores_per_executor: float, is_local: bool
) -> Rate | None:
    """The price of an application with these Spark properties; None if no price matches, or the price is 0."""
    price = next((one for one in prices.prices if _matches(one.where, properties)), None)
    if price is None:
        return None
    core, driver = _rates(price, prices, properties, cores_per_executor, is_local)
    return Rate(prices.currency, core / _HOUR_MS, driver / _HOUR_MS) if core or driver else None


def _rates(
    price: Price, prices: PriceList, properties: Mapping[str, str], cores: float, is_local: bool
) -> tuple[float, float]:
    """The price of an hour of an executor's core, and of an hour of the driver."""
    name = price.instance or properties.get(_NODE_TYPE, "")
    machine = prices.instances.get(name)
    if machine is not None:
        of_driver = (
            machine if price.instance else prices.instances.get(properties.get(_DRIVER_NODE_TYPE, name), machine)
        )
        driver = of_driver.hour + of_driver.dbu * price.dbu
        return (machine.hour + machine.dbu * price.dbu) / machine.cores, 0.0 if is_local else driver
    has_overhead = properties.get("spark.master", "").startswith(("yarn", "k8s"))
    gib = _gib(properties, "driver" if is_local else "executor", has_overhead)
    core = price.core_hour + price.gb_hour * gib / max(cores, 1.0)
    driver_cores = float(properties.get("spark.driver.cores", "1") or 1)
    driver = price.core_hour * driver_cores + price.gb_hour * _gib(properties, "driver", has_overhead)
    return core, 0.0 if is_local else driver


def _gib(properties: Mapping[str, str], process: str, has_overhead: bool) -> float:
    """The memory of a process in GiB, with its overhead where the cluster manager reserves it."""
    heap = _bytes(properties.get(f"spark.{process}.memory", "1g"), "m")
    if not has_overhead:
        return heap / 2**30
    given = properties.get(f"spark.{process}.memoryOverhead")
    least = max(heap * _OVERHEAD_FACTOR, _MIN_OVERHEAD_MIB * 2**20)
    return (heap + (_bytes(given, "m") if given else least)) / 2**30


def _bytes(text: str, unit: str) -> float:
    """A size as Spark writes it; without a unit in `unit` (JavaUtils.byteStringAs)."""
    found = _SIZE.fullmatch(text)
    return float(found[1]) * _UNITS[found[2].lower() or unit] if found else 0.0


def _matches(where: Mapping[str, str], properties: Mapping[str, str]) -> bool:
    if not where:
        return True
    fields = orchestrator_fields(find_orchestrator_runs(properties))
    clusters = [fields[name] for name in _CLUSTERS if name in fields]
    for name, glob in where.items():
        if name == "cluster":
            values = clusters
        elif name == "queue":
            values = [properties.get("spark.yarn.queue", "")]
        else:
            values = [fields.get(name) or properties.get(name, "")]
        if not any(value and fnmatchcase(value, glob) for value in values):
            return False
    return True


def _price(path: str, values: Mapping[str, object], instances: Mapping[str, Instance]) -> Price:
    figures = {name: _number(f"{path}: {name}", values[name]) for name in _FIGURES if name in values}
    instance = values.get("instance")
    if instance is not None and instance not in instances:
        raise ValueError(f"{path}: there is no [instances.{instance!r}]")
    where = {name: value for name, value in values.items() if name not in (*_FIGURES, "instance")}
    for name, glob in where.items():
        if not isinstance(glob, str) or not (name in ("queue", "cluster") or "." in name):
            raise ValueError(
                f"{path}: {name!r} is no price ({', '.join(_FIGURES)}, instance) and no condition (queue, cluster, a "
                "field such as 'airflow.dag', a Spark property) with a text"
            )
    return Price(
        {name: str(glob) for name, glob in where.items()}, **figures, instance=str(instance) if instance else None
    )


def _instance(where: str, values: object) -> Instance:
    table = _table(where, values)
    unknown = sorted(set(table) - {"hour", "cores", "dbu"})
    if unknown:
        raise ValueError(f"{where}: {unknown[0]!r} is not hour, cores or dbu")
    figures = {name: _number(f"{where}: {name}", value) for name, value in table.items()}
    if not figures.get("cores"):
        raise ValueError(f"{where}: cores is missing")
    return Instance(figures.get("hour", 0.0), figures["cores"], figures.get("dbu", 0.0))


def _table(where: str, values: object) -> Mapping[str, object]:
    if not isinstance(values, dict):
        raise ValueError(f"{where}: it is not a table")
    return values


def _number(where: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise ValueError(f"{where} must be a number that is not negative")
    return float(value)
