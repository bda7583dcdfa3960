"""Switch annotation on in a Python job without changing it: a folder for its PYTHONPATH."""

import importlib.util
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

_MARK = "annotated"


def write_overlay(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Fills the folder and returns the variables to set in the job's environment.

    Python runs `sitecustomize.py` when it starts. `lib` holds only the two packages that annotate needs, because the
    job may run another Python than this one.
    """
    preload = _package("annotate") / "sitecustomize.py"
    shutil.copyfile(preload, folder / "sitecustomize.py")
    (folder / "lib" / "afterglow").mkdir(parents=True)
    for name in ("annotate", "schemas"):
        (folder / "lib" / "afterglow" / name).symlink_to(_package(name))
    before = environment.get("PYTHONPATH")
    return {"PYTHONPATH": f"{folder}{os.pathsep}{before}" if before else str(folder)}


def was_annotated(folder: Path) -> bool:
    """Whether a process has switched annotation on."""
    return (folder / _MARK).exists()


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(f"afterglow.{name}")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"afterglow.{name} is not installed")
    return Path(spec.submodule_search_locations[0])
