"""`spark-afterglow-annotate` by itself: what is in its zip needs the standard library and nothing else."""

from __future__ import annotations

import ast
import re
import runpy
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGING = Path(__file__).parents[2] / "annotate" / "packaging"


@pytest.fixture
def zipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(PACKAGING))
    path = tmp_path / "annotate.zip"
    runpy.run_path(str(PACKAGING / "make_zip.py"))["make_zip"](path)
    return path


def test_every_module_of_the_zip_imports_without_any_package(zipped: Path) -> None:
    program = f"""if True:
        import pkgutil, sys
        sys.path.insert(0, {str(zipped)!r})
        from afterglow import annotate
        names = [module.name for module in pkgutil.iter_modules(annotate.__path__)]
        for name in names:
            __import__("afterglow.annotate." + name)
        foreign = [m for m in sys.modules.values() if "-packages" in (getattr(m, "__file__", None) or "")]
        assert not foreign, foreign
        print(len(names), annotate.__file__)
    """
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    number, file = done.stdout.split()
    assert int(number) == len(list(PACKAGING.parent.glob("*.py"))) - 1 and file.startswith(str(zipped))


def evaluated_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below a node, without annotations, which are not evaluated, and without `if TYPE_CHECKING`."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    yield node
    for name, value in ast.iter_fields(node):
        if name not in ("annotation", "returns"):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from evaluated_nodes(child)


def test_nothing_needs_a_newer_python_than_3_8(zipped: Path) -> None:
    with zipfile.ZipFile(zipped) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist() if name.endswith(".py")}
    for name, text in texts.items():
        tree = ast.parse(text, feature_version=(3, 8))
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        generic = {one.name for found in imports if found.module == "collections.abc" for one in found.names}
        generic |= {"dict", "frozenset", "list", "set", "tuple"}
        subscripts = [node.value for node in evaluated_nodes(tree) if isinstance(node, ast.Subscript)]
        assert not [one.id for one in subscripts if isinstance(one, ast.Name) and one.id in generic], name


def test_the_wheel_has_the_declarations_that_the_zip_has(zipped: Path) -> None:
    backend = runpy.run_path(str(PACKAGING / "backend.py"))
    with backend["_schemas"]():
        copied = {path.name: path.read_bytes() for path in backend["_COPY"].iterdir()}
    with zipfile.ZipFile(zipped) as archive:
        names = [name for name in archive.namelist() if re.fullmatch(r"afterglow/schemas/.+", name)]
        assert copied == {name.split("/")[-1]: archive.read(name) for name in names}
    assert not backend["_COPY"].exists() and "annotations.py" in copied


def test_no_annotation_of_the_zip_is_evaluated(zipped: Path) -> None:
    """Python 3.8 and 3.9 cannot subscript or join some of the types."""
    with zipfile.ZipFile(zipped) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist() if name.endswith(".py")}
    annotated = {name for name, text in texts.items() if re.search(r"^\s*def |^\w+: ", text, re.MULTILINE)}
    assert len(annotated) > 20
    assert [name for name in annotated if "from __future__ import annotations\n" not in texts[name]] == []
