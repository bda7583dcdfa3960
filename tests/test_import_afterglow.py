"""`import afterglow` is enough, and loads what it names when it is used."""

import subprocess
import sys

import afterglow
from afterglow.ingest.version import version


def test_names_are_loaded_when_they_are_used() -> None:
    code = (
        "import sys, afterglow\n"
        "heavy = [m for m in sys.modules if m.startswith(('afterglow.', 'pyarrow', 'numpy', 'mlflow'))]\n"
        "print(heavy, afterglow.read.__name__, afterglow.import_logs.__name__, afterglow.annotate.autolog.__name__)"
    )
    printed = subprocess.check_output([sys.executable, "-c", code], text=True, cwd="/")
    assert printed.split() == ["[]", "read", "import_logs", "autolog"]


def test_every_name_is_there_and_no_other() -> None:
    assert afterglow.__version__ == version() and set(afterglow.__all__) <= set(dir(afterglow))
    assert all(getattr(afterglow, name) for name in afterglow.__all__)
    assert not hasattr(afterglow, "nothing")
