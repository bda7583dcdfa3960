"""Two imports into a database that does not exist yet: both open it, and it is one store with one tree."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import sample_log

_IMPORT = """
import sys
from afterglow.ingest import import_logs
print(import_logs([sys.argv[1]], sys.argv[2], "fresh")[0].published.state)
"""


@pytest.mark.slow
def test_two_processes_make_one_new_database(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _IMPORT, str(sample_log("spark35-wordcount")), f"sqlite:///{tmp_path}/new.db"]
    imports = [
        subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [one.communicate() for one in imports]
    assert sorted(out.strip() for out, _ in said) == ["unchanged", "written"], said
