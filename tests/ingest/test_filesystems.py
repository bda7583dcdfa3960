"""Locks of paths are kept in one folder, which nobody else can write to."""

import stat
import tempfile
from pathlib import Path

import pytest

from afterglow.ingest.errors import InputError
from afterglow.ingest.filesystems import path_lock


@pytest.fixture(autouse=True)
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_locks_are_in_one_folder_of_the_user(tmp_path: Path) -> None:
    for name in ("a", "b", "a"):
        with path_lock(str(tmp_path / name)):
            (folder,) = tmp_path.iterdir()
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert folder.name.startswith("afterglow-") and len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("there", ["file", "link", "open folder"])
def test_what_another_user_may_have_put_there_is_refused(there: str, tmp_path: Path) -> None:
    with path_lock(str(tmp_path / "a")):
        (folder,) = tmp_path.iterdir()
    folder.rename(tmp_path / "elsewhere")
    if there == "file":
        folder.write_text("")
    elif there == "link":
        folder.symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    else:
        folder.mkdir()
        folder.chmod(0o777)
    with pytest.raises(InputError, match="not a folder of this user alone; remove it, or set TMPDIR"), path_lock("a"):
        pass
