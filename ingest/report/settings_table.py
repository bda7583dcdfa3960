"""The configuration of an application where it differs from Spark's defaults, and its environment."""

from datetime import datetime, timezone

from ...schemas.spark_defaults import DEFAULTS, JAVA_MODULE_OPTIONS, SET_BY_SPARK
from .report_data import ReportData

_VALUE = 300


def settings(data: ReportData) -> list[tuple[str, str]]:
    """The properties that somebody set to something other than the default, by name."""
    chosen = []
    for name, value in sorted(data.app.properties.items()):
        if name.startswith("spark.") and not SET_BY_SPARK.match(name) and DEFAULTS.get(name) != value:
            shown = JAVA_MODULE_OPTIONS.sub("", value).strip() if name.endswith("JavaOptions") else value
            if shown:
                chosen.append((name, shown[:_VALUE]))
    return chosen


def environment(data: ReportData) -> list[tuple[str, str]]:
    """Who ran the application, when, on what."""
    app, properties = data.app.application, data.app.properties
    files = app["log_files"] if isinstance(app["log_files"], list) else []
    known = (
        ("user", app["user"]),
        ("started", _time(data.start)),
        ("ended", _time(data.end) if app["end_time_ms"] else None),
        ("Spark", app["spark_version"]),
        ("master", app["master"]),
        ("deploy mode", app["deploy_mode"]),
        ("Java", properties.get("Java Version")),
        ("Scala", (properties.get("Scala Version") or "").removeprefix("version ")),
        ("event log", f"{len(files)} file{'' if len(files) == 1 else 's'}, {app['completeness'].replace('_', ' ')}"),
    )
    return [(name, str(value)[:_VALUE]) for name, value in known if value]


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1e3, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
