"""Predict from a command line which settings Spark will have, and where its driver will run.

A job may set anything in its own code, so nothing depends on seeing all of it. The settings say where to look for the
log, and whether the driver can reach a folder of this machine.
"""

import os
import re
import shlex
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...schemas.spark import DEPLOY_MODE

_SUBMIT = re.compile(r"spark\d?-(submit|sql|shell)|pyspark\d?|run-example|spark-class")
_PYTHON = re.compile(r"python[\d.]*|ipython[\d.]*|pytest")
# org.apache.spark.launcher.SparkSubmitOptionParser.switches: options without a value
_SWITCHES = {"--verbose", "-v", "--supervise", "--help", "-h", "--version", "--usage-error", "--load-spark-defaults"}


@dataclass(frozen=True, slots=True)
class JobSettings:
    """`kind` is submit, python or other; `settings` are Spark properties by their precedence."""

    kind: str
    settings: Mapping[str, str]

    @property
    def cluster(self) -> bool:
        """Whether the driver runs on another machine."""
        return self.settings.get(DEPLOY_MODE, "").lower() == "cluster"


def read_settings(command: Sequence[str], environment: Mapping[str, str]) -> JobSettings:
    """The settings of the command line, the properties file or spark-defaults.conf, PYSPARK_SUBMIT_ARGS and
    SPARK_SUBMIT_OPTS, in Spark's order of precedence. Never raises; a file that cannot be read is ignored."""
    names = [os.path.basename(word) for word in command]
    at = next((i for i, name in enumerate(names) if _SUBMIT.fullmatch(name) or _PYTHON.fullmatch(name)), None)
    kind = "other" if at is None else "submit" if _SUBMIT.fullmatch(names[at]) else "python"
    words = list(command[(at or 0) + 1 :]) if kind != "python" else _split(environment.get("PYSPARK_SUBMIT_ARGS", ""))
    given: dict[str, str] = {}
    file = None
    for name, value in _options(words, whole=kind == "other"):
        if name in ("--conf", "-c"):
            key, _, text = value.partition("=")
            given[key.strip()] = text.strip()
        elif name == "--deploy-mode":
            given[DEPLOY_MODE] = value
        elif name == "--properties-file":
            file = value
    program = shutil.which(command[at], path=environment.get("PATH")) if at is not None else None
    said = _properties([Path(file)] if file else _defaults(program, environment))
    opts = dict(re.findall(r"-D(spark\.[^=\s]+)=(\S*)", environment.get("SPARK_SUBMIT_OPTS", "")))
    return JobSettings(kind, {**opts, **said, **given})


def _options(words: Sequence[str], whole: bool) -> Iterator[tuple[str, str]]:
    """Options with their values; words after the program's file are the program's own."""
    at = 0
    while at < len(words):
        name, equals, value = words[at].partition("=")
        at += 1
        if not name.startswith("-"):
            if not whole:
                return
        elif equals:
            yield name, value
        elif name not in _SWITCHES and at < len(words):
            yield name, words[at]
            at += not whole or not words[at].startswith("-")


def _defaults(program: str | None, environment: Mapping[str, str]) -> Iterable[Path]:
    """Possible places of spark-defaults.conf (load-spark-env.sh, find-spark-home)."""
    if environment.get("SPARK_CONF_DIR"):
        folders = [Path(environment["SPARK_CONF_DIR"])]
    elif environment.get("SPARK_HOME"):
        folders = [Path(environment["SPARK_HOME"], "conf")]
    else:
        homes = [Path(one).parent.parent for one in (program, os.path.realpath(program)) if one] if program else []
        folders = [
            folder / "conf" for home in homes for folder in (home, *home.glob("lib/python3*/site-packages/pyspark"))
        ]
    return [folder / "spark-defaults.conf" for folder in folders]


def _properties(files: Iterable[Path]) -> dict[str, str]:
    """The settings in the first of these files that exists; lines are `key value`, `key=value` or `key: value`."""
    for file in files:
        try:
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        found = (re.match(r"\s*(spark\.[^\s=:]+)\s*[=:\s]\s*(.*?)\s*$", line) for line in lines)
        return {one[1]: one[2] for one in found if one}
    return {}


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()
