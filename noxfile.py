"""The matrix of supported versions: `nox -l` lists the sessions, `nox -s "tests-3.12"` runs one.

What is not on the machine (an interpreter, Java) is named as skipped. Every session installs this checkout with its
dependencies, with uv where it is installed and else with pip. docs/measurements/versions.md has the results.
"""

import os
import shutil
import tempfile
from pathlib import Path

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["tests", "oldest", "mlflow", "annotate", "wheel", "sdist", "upgrade"]

# Interpreters of pyenv that its `global` does not name are found too.
PYENV = Path(os.environ.get("PYENV_ROOT") or "~/.pyenv").expanduser()
os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", ""), *map(str, sorted(PYENV.glob("versions/*/bin")))])

PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]
TESTS = [
    "pytest",
    "pytest-xdist",
    "hypothesis",
    "zstandard",
    "orjson",
    "psycopg2-binary",
    "pymysql",
    "markdown-it-py",
    "optuna",
]
# Spark 3.2 has no such options for Java 17, which closes these packages.
OPEN_PACKAGES = " ".join(
    f"--add-opens=java.base/{package}=ALL-UNNAMED"
    for package in ("sun.nio.ch", "java.nio", "java.lang", "java.lang.invoke", "java.util")
)
# What a stage needs to be right with a version: every sample's tables and runs, and writing them to a store.
MATRIX = ["tests/golden", "tests/ingest/publish", "tests/ingest/codecs", "tests/ingest/assemble"]

OLDEST = [  # the lower bounds of pyproject.toml
    "filelock==3.13.1",
    "jinja2==3.1.3",
    "mlflow==2.9.2",
    "msgspec==0.18.6",
    "numpy==1.23.5",
    "pandas==1.5.3",
    "platformdirs==4.0.0",
    "psutil==5.9.8",
    "pyarrow==12.0.1",
    "requests==2.31.0",
    "tenacity==9.0.0",
    "typer==0.12.5",
    "xxhash==3.4.1",
    "click==8.1.7",
    "setuptools<80",  # MLflow 2.9 imports pkg_resources
]
DATABRICKS_15_4 = ["mlflow==2.11.*", "numpy==1.26.4", "pandas==1.5.3", "pyarrow==14.0.2", "setuptools<80"]
MLFLOW_2_16 = ["mlflow==2.16.2", *DATABRICKS_15_4[1:]]
MLFLOWS = ["2.22.*", "3.0.*", "3.17.*", ""]  # "" is the newest
# pyspark -> the newest Python that it runs on here, and its own limits
SPARKS = {
    "3.2": ("3.8", ["pyspark==3.2.*", "numpy<1.24", "pandas<2"]),
    "3.3": ("3.8", ["pyspark==3.3.*", "numpy<1.24", "pandas<2"]),
    "3.4": ("3.9", ["pyspark==3.4.*", "numpy<2", "pandas<2"]),
    "3.5": ("3.11", ["pyspark==3.5.*", "numpy<2", "pandas<3"]),
    "4.0": ("3.12", ["pyspark==4.0.*", "numpy", "pandas<3"]),
    "4.3": ("3.13", ["pyspark==4.3.*", "numpy", "pandas<3"]),
}


# Tests that read a job's log back or build packages, which needs more than a training job has.
ELSEWHERE = (
    "test_connect.py",
    "test_distribution.py",
    "test_frameworks.py",
    "test_loop_tables.py",
    "test_models.py",
    "test_read_back.py",
)


def run_matrix(session: nox.Session) -> None:
    """Print the versions, then run the tests of the matrix or those that were named."""
    show = "import sys, mlflow, numpy, pandas, pyarrow; print('versions', sys.version.split()[0], *(m.__version__"
    session.run("python", "-c", f"{show} for m in (mlflow, numpy, pandas, pyarrow)))")
    session.run("python", "-m", "pytest", "-q", "-n", "2", "-m", "not slow", *(session.posargs or MATRIX))


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the matrix with the newest version of everything."""
    session.install(".", *TESTS)
    run_matrix(session)


@nox.session(python="3.10")
@nox.parametrize(
    "pins",
    [
        nox.param(OLDEST, id="bounds"),
        nox.param(DATABRICKS_15_4, id="databricks-15.4"),
        nox.param(MLFLOW_2_16, id="mlflow-2.16"),
    ],
)
def oldest(session: nox.Session, pins: list[str]) -> None:
    """Run the matrix with the oldest versions that pyproject.toml allows."""
    session.install(".", *pins, *TESTS)
    run_matrix(session)


@nox.session(python="3.11")
@nox.parametrize("version", MLFLOWS)
def mlflow(session: nox.Session, version: str) -> None:
    """Run the matrix with one version of MLflow."""
    # an older MLflow imports names that SQLAlchemy 2.1 no longer has, and allows it all the same
    pins = ["sqlalchemy<2.1"] if version.startswith(("2.", "3.0")) else []
    session.install(".", f"mlflow=={version}" if version else "mlflow", *pins, *TESTS)
    run_matrix(session)


@nox.session(python="3.11")
@nox.parametrize("old,new", [nox.param("3.16.*", "3.17.*", id="3.17"), nox.param("3.17.*", "", id="newest")])
def upgrade(session: nox.Session, old: str, new: str) -> None:
    """Run `mlflow db upgrade` from one MLflow to the next while applications are imported."""
    pythons = []
    for version in (old, new):
        folder = Path(tempfile.mkdtemp(dir=session.create_tmp()))
        session.run("python", "-m", "venv", str(folder), silent=True)
        python = str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")
        session.run(
            python, "-m", "pip", "install", "-q", ".", f"mlflow=={version}" if version else "mlflow", external=True
        )
        pythons.append(python)
    script = "tests.ingest.publish.upgrade_during_imports"
    session.run("python", "-m", script, "--old", pythons[0], "--new", pythons[1])


@nox.session(python=["3.8", "3.9", *PYTHONS])
def annotate_imports(session: nox.Session) -> None:
    """Import spark-afterglow-annotate where nothing else is installed."""
    session.install("./annotate")
    session.run("python", "-c", "from afterglow import annotate; print(annotate.autolog)", env={"PYTHONPATH": ""})


@nox.session
@nox.parametrize("python,spark", [(python, spark) for spark, (python, _) in SPARKS.items()])
def annotate(session: nox.Session, spark: str) -> None:
    """Annotate real jobs of one Spark."""
    run_annotated(session, SPARKS[spark][1])


@nox.session(python="3.13")
def annotate_newest(session: nox.Session) -> None:
    """Annotate real jobs of the newest Spark."""
    run_annotated(session, ["pyspark[ml]"])


def run_annotated(session: nox.Session, pins: list[str]) -> None:
    """Install spark-afterglow-annotate beside a pyspark, and nothing else of Afterglow."""
    if shutil.which("java") is None:
        session.skip("needs Java")
    session.install("./annotate", "pytest", "pytest-xdist", *pins)
    tests = [str(path) for path in sorted(Path("tests/annotate").glob("test_*.py")) if path.name not in ELSEWHERE]
    env = {"JDK_JAVA_OPTIONS": OPEN_PACKAGES} if any(pin.startswith("pyspark==3.2") for pin in pins) else {}
    session.run("python", "-m", "pytest", "-q", *(session.posargs or tests), env=env)


@nox.session(python=PYTHONS[0])
def wheel(session: nox.Session) -> None:
    """Build the wheel, install it alone, read and import a sample with it."""
    smoke(session, build(session, "--wheel"))


@nox.session(python=PYTHONS[0])
def sdist(session: nox.Session) -> None:
    """Build the sdist; from it alone build, install, read and import a sample, and run its golden tests."""
    archive = build(session, "--sdist")
    session.install("pytest")
    smoke(session, archive)
    folder = Path(session.create_tmp()) / "unpacked"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.unpack_archive(archive, folder)
    (root,) = folder.iterdir()
    with session.chdir(root):
        session.run("python", "-m", "pytest", "-q", "tests/golden")


def build(session: nox.Session, kind: str) -> Path:
    """Build into an empty folder; the file."""
    out = Path(tempfile.mkdtemp(dir=session.create_tmp()))
    session.install("build")
    session.run("python", "-m", "build", kind, "--outdir", str(out), ".", silent=True)
    (made,) = out.iterdir()
    return made


def smoke(session: nox.Session, package: Path) -> None:
    """Install one file, then run the command outside this checkout."""
    session.install(str(package))
    sample = Path("sample_logs/failing-tasks").resolve()
    folder = tempfile.mkdtemp(dir=session.create_tmp())
    with session.chdir(folder):
        session.run("afterglow", "show", str(sample), "--depth", "job", silent=True)
        session.run("afterglow", "import", str(sample), "--tracking-uri", f"sqlite:///{os.path.join(folder, 'm.db')}")
