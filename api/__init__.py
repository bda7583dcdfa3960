"""Afterglow turns Spark event logs into MLflow runs.

    import afterglow

    tables = afterglow.read("/logs/application_1700000000000_0001")
    afterglow.import_logs(["/logs"], tracking_uri="http://localhost:5000")
    afterglow.report(spark)  # in a notebook: the session that runs

`afterglow.annotate` runs in a training job. Names are loaded on first use, so that a job does not import the reader.
"""

import importlib
from pkgutil import extend_path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import annotate, ingest, schemas
    from .ingest import AfterglowError, AssemblyError, InputError, PublishError, import_logs, read
    from .ingest.notebook import import_session, report

    __version__: str

# spark-afterglow-annotate, or the folder of `afterglow submit --annotate`, may hold afterglow.annotate.
__path__ = extend_path(__path__, __name__)

_PACKAGES = ("annotate", "ingest", "schemas")
_FUNCTIONS = ("import_logs", "read")
_NOTEBOOK = ("import_session", "report")
_ERRORS = ("AfterglowError", "AssemblyError", "InputError", "PublishError")

__all__ = [
    "AfterglowError",
    "AssemblyError",
    "InputError",
    "PublishError",
    "__version__",
    "annotate",
    "import_logs",
    "import_session",
    "ingest",
    "read",
    "report",
    "schemas",
]


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return importlib.import_module(f".{name}", __name__)
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(".ingest", __name__), name)
    if name in _NOTEBOOK:
        return getattr(importlib.import_module(".ingest.notebook", __name__), name)
    if name in _ERRORS:
        return getattr(importlib.import_module(".ingest.errors", __name__), name)
    if name == "__version__":
        return importlib.import_module(".ingest.version", __name__).version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
