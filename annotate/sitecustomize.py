"""Call autolog() after a job imports pyspark.ml or a framework that trains on Spark, without a change to the job.

`afterglow submit --annotate` puts this module on the job's PYTHONPATH as `sitecustomize.py`. Every Python process of
the job runs it at start. It does nothing in Spark's Python workers, and then runs the `sitecustomize` that it hides.
It never raises.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # do not import typing: Python workers must start as fast as before
if TYPE_CHECKING:
    from typing import Any

# All of them import pyspark. After pyspark.ml, autolog() adds no import.
_TRIGGERS = ("pyspark.ml", "hyperopt.spark", "joblibspark.backend")
_HERE = os.path.dirname(os.path.abspath(__file__))


class MlImportHook:
    """A meta path finder that calls autolog() once, after the import of a trigger. The other finders load it."""

    def __init__(self) -> None:
        self.done = False

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Implement importlib.abc.MetaPathFinder.find_spec."""
        if self.done or name not in _TRIGGERS:
            return None
        self.done = True
        try:
            others = (finder for finder in sys.meta_path if finder is not self)
            spec = next(filter(None, (finder.find_spec(name, path, target) for finder in others)), None)
            loader: Any = spec.loader if spec is not None else None
            if loader is None:
                return None
            original = loader.exec_module

            def exec_module(module: Any) -> None:
                loader.__dict__.pop("exec_module", None)
                original(module)
                _enable()

            loader.exec_module = exec_module
            return spec
        except Exception as error:
            _print_error(error)
            return None


def _enable() -> None:
    try:
        # Last, so that the packages of the job's own Python come first.
        sys.path.append(os.path.join(_HERE, "lib"))
        from afterglow import annotate

        annotate.autolog()
        with open(os.path.join(_HERE, "annotated"), "w"):
            pass  # `submit` prints a note where this file is missing
    except Exception as error:
        _print_error(error)


def _print_error(error: Exception) -> None:
    try:
        sys.stderr.write(f"afterglow: the job is not annotated: {type(error).__name__}: {error}\n")
    except Exception:
        return


def _run_hidden_sitecustomize() -> None:
    """Run the sitecustomize of the user or the system, which this module hides."""
    from importlib.machinery import PathFinder

    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec is None or spec.loader is None:
        # site.execsitecustomize ignores an ImportError that names the module
        raise ImportError("No module named 'sitecustomize'", name="sitecustomize")
    from importlib.util import module_from_spec

    module = module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


if __name__ == "sitecustomize":
    # `python -m pyspark.daemon`, `-m pyspark.worker`: Spark's Python workers
    if not any(word.startswith(("pyspark.daemon", "pyspark.worker")) for word in getattr(sys, "orig_argv", ())):
        sys.meta_path.insert(0, MlImportHook())
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or os.curdir) != _HERE]
    _run_hidden_sitecustomize()
