"""Annotation switched on inside a Python job without touching it: a folder that goes on its PYTHONPATH."""

import importlib.util
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

_MARK = "annotated"


def inside(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Fills the folder; what the job's environment gets.

    It holds annotate/sitecustomize.py as `sitecustomize.py`, which every Python runs as it starts, and below `lib`
    the two packages that annotate needs and nothing else of this installation: the job's Python may be another one.
    """
    preload = _package("annotate") / "sitecustomize.py"
    shutil.copyfile(preload, folder / "sitecustomize.py")
    (folder / "lib" / "afterglow").mkdir(parents=True)
    for name in ("annotate", "schemas"):
        (folder / "lib" / "afterglow" / name).symlink_to(_package(name))
    before = environment.get("PYTHONPATH")
    return {"PYTHONPATH": f"{folder}{os.pathsep}{before}" if before else str(folder)}


def annotated(folder: Path) -> bool:
    """Whether a process has switched annotation on."""
    return (folder / _MARK).exists()


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(f"afterglow.{name}")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"afterglow.{name} is not installed")
    return Path(spec.submodule_search_locations[0])
