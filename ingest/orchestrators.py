"""The orchestrator's run that started an application, from its properties."""

import re
import string
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from urllib.parse import quote

from ..schemas.orchestrators import LOCAL_PROPERTIES, NAMES_TAG, ORCHESTRATORS, Field, Orchestrator
from ..schemas.spark import REDACTED

BY_NAME = {one.name: one for one in ORCHESTRATORS}


@dataclass(frozen=True, slots=True)
class OrchestratorRun:
    """The run of one orchestrator: its fields that are known, its address if that can be built, its name for readers,
    and the name of the recurring job that it is a run of."""

    of: Orchestrator
    values: Mapping[str, str]
    title: str
    url: str | None
    job: str | None

    @property
    def tags(self) -> dict[str, str]:
        """The tags of the application's run."""
        shown = {field.name for field in self.of.fields if field.is_tag}
        found = {self.of.tag(name): value for name, value in self.values.items() if name in shown}
        return {**found, self.of.tag("url"): self.url} if self.url else found


def find_orchestrator_runs(
    properties: Mapping[str, str], urls: Mapping[str, str] | None = None
) -> list[OrchestratorRun]:
    """The runs that these Spark properties name, in the order of ORCHESTRATORS. `urls` are bases by orchestrator."""
    found = (_find(one, properties, (urls or {}).get(one.name)) for one in ORCHESTRATORS)
    return [run for run in found if run is not None]


def orchestrator_tags(runs: Iterable[OrchestratorRun]) -> dict[str, str]:
    """The tags of an application with these runs."""
    runs = list(runs)
    tags = {name: value for run in runs for name, value in run.tags.items()}
    return {NAMES_TAG: ", ".join(run.of.name for run in runs), **tags} if runs else {}


def orchestrator_fields(runs: Iterable[OrchestratorRun]) -> dict[str, str]:
    """The known fields of these runs by `<orchestrator>.<field>`, such as `airflow.dag`."""
    return {f"{run.of.name}.{name}": value for run in runs for name, value in run.values.items()}


def fields_match(fields: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether every wanted field is there and matches its glob."""
    return all(name in fields and fnmatchcase(fields[name], glob) for name, glob in wanted.items())


def parse_fields(values: Iterable[str], of_head: bool = False) -> dict[str, str]:
    """Globs by field, from texts of the form ORCHESTRATOR.FIELD=GLOB. `of_head` is for filters by a log's first lines.

    Raises:
        ValueError: a text has another form, there is no such field, or the first lines of a log never hold it.
    """
    of_jobs = {
        f"{one.name}.{field.name}"
        for one in ORCHESTRATORS
        for field in one.fields
        if all(source.key in LOCAL_PROPERTIES for source in field.sources)
    }
    known = [f"{one.name}.{field.name}" for one in ORCHESTRATORS for field in one.fields if field.is_tag]
    found = {}
    for text in values:
        name, equals, glob = text.partition("=")
        if name not in known or not equals:
            raise ValueError(f"{text!r}: write FIELD=GLOB; the fields are {', '.join(known)}")
        if of_head and name in of_jobs:
            raise ValueError(
                f"{name} is a property of jobs, which the first lines of a log do not have; "
                "import the logs and use `afterglow history --orchestrator`"
            )
        found[name] = glob
    return found


def describe_orchestrators(tags: Mapping[str, str]) -> list[tuple[str, str, str | None]]:
    """The runs that an application's tags name: orchestrator, name of the run, address."""
    found = []
    for name in filter(None, tags.get(NAMES_TAG, "").split(", ")):
        one = BY_NAME[name]
        values = {field.name: tags[one.tag(field.name)] for field in one.fields if one.tag(field.name) in tags}
        title = next(filter(None, (_filled(text, values) for text in one.titles)), one.title)
        found.append((one.title, title, tags.get(one.tag("url"))))
    return found


def parse_urls(values: Iterable[str]) -> dict[str, str]:
    """Base addresses by orchestrator, from texts of the form NAME=URL.

    Raises:
        ValueError: a text has another form, or there is no such orchestrator.
    """
    found = {}
    for text in values:
        name, _, url = text.partition("=")
        if name not in BY_NAME:
            raise ValueError(f"{text!r}: write NAME=URL; the names are {', '.join(BY_NAME)}")
        if not re.match(r"https?://", url):
            raise ValueError(f"{text!r}: the address must begin with http:// or https://")
        found[name] = url.rstrip("/")
    return found


def _find(one: Orchestrator, properties: Mapping[str, str], base: str | None) -> OrchestratorRun | None:
    values: dict[str, str] = {}
    for field in one.fields:
        value = _value(field, properties, values)
        if value:
            values[field.name] = value
    if not any(name in values for name in one.shown_by):
        return None
    root = base or (one.base and _filled(one.base, values))
    quoted = {name: quote(value, safe="") for name, value in values.items()}
    path = next(filter(None, (_filled(path, quoted) for path in one.paths)), None)
    title = next(filter(None, (_filled(text, values) for text in one.titles)), one.title)
    return OrchestratorRun(
        one, values, title, f"{root}{path}" if root and path else None, one.job and _filled(one.job, values)
    )


def _value(field: Field, properties: Mapping[str, str], values: Mapping[str, str]) -> str | None:
    for source in field.sources:
        text = properties.get(source.key)
        if not text or REDACTED in text:
            continue
        if source.pattern is not None:
            match = re.search(source.pattern, text)
            text = match[1] if match else None
        if text and field.after is not None:
            before = f"{values.get(field.after, '')}."
            text = text[len(before) :] if text.startswith(before) else None
        if text and field.form == "uuid7_time":
            text = _uuid7_time(text)
        if text:
            return text
    return None


def _uuid7_time(text: str) -> str | None:
    """The time in a UUID of version 7 (RFC 9562): its first 48 bits are milliseconds since the epoch."""
    try:
        found = uuid.UUID(text)
    except ValueError:
        return None
    ms = found.int >> 80
    if found.version != 7 or ms % 1000:  # a run that a scheduler made begins at a whole second
        return None
    return datetime.fromtimestamp(ms / 1000, timezone.utc).isoformat()


def _filled(template: str, values: Mapping[str, str]) -> str | None:
    """The template with its fields; None where one is not known."""
    names = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    return template.format(**values) if all(name in values for name in names) else None
