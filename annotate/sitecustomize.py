"""`afterglow submit --annotate` puts this on a job's PYTHONPATH as `sitecustomize.py`: autolog() behind MLlib's import.

Every Python process below the job runs this as it starts: it does nothing in Spark's Python workers, and runs the
`sitecustomize` that it stands in front of. Nothing of its own is ever raised.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing is not imported: a Python worker starts as fast as before
if TYPE_CHECKING:
    from typing import Any

_TRIGGER = "pyspark.ml"  # imports pyspark.ml.base and pyspark.ml.tuning itself, so autolog() adds no import
_HERE = os.path.dirname(os.path.abspath(__file__))


class AfterMl:
    """A finder that finds nothing itself: it has autolog() called behind the import of pyspark.ml, once."""

    def __init__(self) -> None:
        self.done = False

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """As importlib.abc.MetaPathFinder."""
        if self.done or name != _TRIGGER:
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
                _switch_on()

            loader.exec_module = exec_module
            return spec
        except Exception as error:
            _say(error)
            return None


def _switch_on() -> None:
    try:
        # At the end: what the job's own Python has installed comes first.
        sys.path.append(os.path.join(_HERE, "lib"))
        from afterglow import annotate

        annotate.autolog()
        with open(os.path.join(_HERE, "annotated"), "w"):
            pass  # for `submit`, which says so where this never happened
    except Exception as error:
        _say(error)


def _say(error: Exception) -> None:
    try:
        sys.stderr.write(f"afterglow: the job is not annotated: {type(error).__name__}: {error}\n")
    except Exception:
        return


def _run_the_next() -> None:
    """The user's or the system's own sitecustomize, which this one hides."""
    from importlib.machinery import PathFinder

    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec is None or spec.loader is None:
        # site.execsitecustomize passes over an ImportError that names the module
        raise ImportError("No module named 'sitecustomize'", name="sitecustomize")
    from importlib.util import module_from_spec

    module = module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


if __name__ == "sitecustomize":
    # `python -m pyspark.daemon`, `-m pyspark.worker`: Spark's Python workers
    if not any(word.startswith(("pyspark.daemon", "pyspark.worker")) for word in getattr(sys, "orig_argv", ())):
        sys.meta_path.insert(0, AfterMl())
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or os.curdir) != _HERE]
    _run_the_next()
