"""Run a function on a module: at once where the job has imported it, else right after its import."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from .never_raise import never_raise

_waiting: dict[str, Callable[[Any], None]] = {}


class _Finder:
    """A meta path finder that finds nothing itself. It has the loader of another finder call us after the import."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Implement importlib.abc.MetaPathFinder.find_spec."""
        if name not in _waiting:
            return None
        others = (finder for finder in list(sys.meta_path) if finder is not self and hasattr(finder, "find_spec"))
        spec = next(filter(None, (finder.find_spec(name, path, target) for finder in others)), None)
        loader: Any = spec.loader if spec is not None else None
        if loader is None or not hasattr(loader, "exec_module"):
            return spec
        original = loader.exec_module

        def exec_module(module: Any) -> None:
            loader.__dict__.pop("exec_module", None)
            original(module)
            _imported(name, module)

        never_raise(setattr)(loader, "exec_module", exec_module)
        return spec


_finder = _Finder()


def when_imported(name: str, call: Callable[[Any], None]) -> None:
    """Call `call(module)` once. It never raises into the import."""
    module = sys.modules.get(name)
    if module is not None:
        never_raise(call)(module)
        return
    _waiting[name] = call
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def forget() -> None:
    """Wait for no import any more."""
    _waiting.clear()
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)


def _imported(name: str, module: Any) -> None:
    call = _waiting.pop(name, None)
    if call is not None:
        never_raise(call)(module)
