"""What `make dist` builds: files, tags, requirements; and the sdist, from which alone golden tests pass.

`make dist` runs twine and check-wheel-contents, and builds the wheel from the sdist.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.compiler]
ROOT = Path(__file__).parents[1]
PLAIN = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "COV_"))}


def run(*words: str, cwd: Path = ROOT, **environment: str) -> str:
    done = subprocess.run(words, cwd=cwd, env=PLAIN | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    printed = run("make", "dist", f"DIST={folder}", AFTERGLOW_NATIVE="1")
    assert printed.count("PASSED") == 4, printed  # twine: two wheels, two sdists
    return folder


@pytest.fixture(scope="module")
def unpacked(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist's folder."""
    folder = tmp_path_factory.mktemp("sdist")
    (archive,) = dist.glob("spark_afterglow-*.tar.gz")
    shutil.unpack_archive(archive, folder)
    (root,) = folder.iterdir()
    return root


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return HeaderParser().parsestr(archive.read(name).decode())


def test_the_wheel_with_the_scanner_is_tagged_abi3(dist: Path) -> None:
    (wheel,) = dist.glob("spark_afterglow-*.whl")
    assert "-cp310-abi3-" in wheel.name
    names = zipfile.ZipFile(wheel).namelist()
    assert [Path(name).name for name in names if name.endswith((".so", ".pyd"))] == ["_scan.abi3.so"]
    assert not [name for name in names if name.endswith((".c", ".h"))]
    assert {name.split("/")[0] for name in names if "dist-info" not in name} == {"afterglow"}


def test_annotate_needs_python_3_8_and_nothing_else(dist: Path) -> None:
    (wheel,) = dist.glob("spark_afterglow_annotate-*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    says = metadata(wheel)
    assert says["Requires-Python"] == ">=3.8" and says.get_all("Requires-Dist") is None
    assert (dist / "spark-afterglow-annotate.zip").exists()


def test_a_wheel_without_the_scanner_has_another_tag(unpacked: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "build", "--installer", "uv", "--wheel", "--outdir", str(tmp_path), str(unpacked)]
    run(*command, AFTERGLOW_NATIVE="0")
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith((".so", ".pyd", ".c"))]


def test_the_golden_tests_pass_from_the_sdist_alone(dist: Path, unpacked: Path, tmp_path: Path) -> None:
    """With what the wheel has, which was built from the sdist."""
    (wheel,) = dist.glob("spark_afterglow-*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path)
    check = "import afterglow.ingest as i; print(i.__file__)"
    assert run(sys.executable, "-c", check, cwd=unpacked, PYTHONPATH=str(tmp_path)).startswith(str(tmp_path))
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/golden"]
    printed = run(sys.executable, *words, cwd=unpacked, PYTHONPATH=str(tmp_path))
    samples = len(list((unpacked / "tests/golden/expected").iterdir()))
    assert f"{samples + 1} passed" in printed
