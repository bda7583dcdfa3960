"""Build backend of spark-afterglow-annotate: setuptools, with the declarations from the repository's schemas/.

The annotation format is declared once, in schemas/annotations.py, which is outside this folder. A build copies the
modules that annotate imports to `_schemas`; an sdist contains that copy and is built from it.
"""

import contextlib
import re
import shutil
from pathlib import Path

from setuptools import build_meta

_ANNOTATE = Path(__file__).resolve().parent.parent
_COPY = _ANNOTATE / "_schemas"
_SOURCE = _ANNOTATE.parent / "schemas"


def schema_files():
    """The files of schemas/ that annotate's modules import."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(_ANNOTATE.glob("*.py"))]
    names = sorted({name for text in texts for name in re.findall(r"from \.\.schemas\.(\w+) import", text)})
    return [_SOURCE / name for name in ("__init__.py", "py.typed", *(f"{name}.py" for name in names))]


@contextlib.contextmanager
def _schemas():
    """The copy, for the time of a build; in an sdist there is nothing to copy."""
    in_repository = (_SOURCE / "annotations.py").exists()
    if in_repository:
        shutil.rmtree(str(_COPY), ignore_errors=True)
        _COPY.mkdir()
        for path in schema_files():
            shutil.copyfile(str(path), str(_COPY / path.name))
    try:
        yield
    finally:
        if in_repository:
            for left in ("_schemas", "build", "spark_afterglow_annotate.egg-info"):
                shutil.rmtree(str(_ANNOTATE / left), ignore_errors=True)


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """As in PEP 517."""
    with _schemas():
        return build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_sdist(sdist_directory, config_settings=None):
    """As in PEP 517."""
    with _schemas():
        return build_meta.build_sdist(sdist_directory, config_settings)
