"""The settings worth trying against a finding, with values for this application."""

import re
from collections.abc import Iterator

from ...schemas import spark
from ...schemas.findings import FINDING_CODES
from ...schemas.findings.settings import SettingAdvice
from ..application_view import ApplicationView

_SIZE = re.compile(r"\s*(\d{1,12})\s*([kmgtp]?)b?\s*", re.IGNORECASE)
_DEFAULT_PARTITIONS = 200  # org.apache.spark.sql.internal.SQLConf.SHUFFLE_PARTITIONS
_MAX_PARTITIONS = 20_000


def proposed_settings(app: ApplicationView, code: str, cause: str | None) -> list[str]:
    """`property=value` for every setting that the finding's code, or its cause, declares and that would change it."""
    return list(_proposed(app, FINDING_CODES[code].settings_for(cause)))


def _proposed(app: ApplicationView, declared: tuple[SettingAdvice, ...]) -> Iterator[str]:
    is_local = (app.application["master"] or "").startswith("local")
    for one in declared:
        # in local mode the driver is the executor; local-cluster has executors of its own
        of_driver = is_local and not app.application["master"].startswith("local-cluster")
        key = one.key.replace("spark.executor.", "spark.driver.") if of_driver else one.key
        present = app.properties.get(key)
        value = _value(one, present, app)
        if value is not None and value != present:
            yield f"{key}={value}"


def _value(one: SettingAdvice, present: str | None, app: ApplicationView) -> str | None:
    if one.rule == "value":
        return one.value
    if one.rule == "double":
        found = _SIZE.fullmatch(present or one.value)
        return f"{int(found[1]) * 2}{found[2].lower() or 'm'}" if found else None
    if one.rule == "default":
        number = _number(present)
        return one.value if number is not None and number < float(one.value) else None
    if one.rule == "without":
        if not present or not re.search(one.value, present):
            return None
        return " ".join(re.sub(one.value, " ", re.sub(spark.MODULE_OPTIONS, "", present)).split())
    number = _number(present)
    if one.rule == "multiply":
        return str(min(int((number or _DEFAULT_PARTITIONS) * float(one.value)), _MAX_PARTITIONS))
    cores = int(app.timeline.most_cores(app.start_ms, app.end_ms))
    wanted = cores * int(one.value)
    return str(wanted) if cores and (number or _DEFAULT_PARTITIONS) < wanted else None


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
