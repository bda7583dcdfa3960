"""Which experiment an application goes to: a name, or a template of the application's own name, user and queue."""

import re
from collections.abc import Callable, Mapping

from ...schemas.runs.params_tags import FINGERPRINT_TAG
from ..control_characters import replace_controls
from ..errors import PublishError
from .factory import experiment_name, open_existing, open_writer, resolved, shared
from .interface import Published, Writer

FIELDS = ("app_name", "user", "queue")
_FIELD = re.compile(r"\{(\w*)\}")


class Experiments:
    """Opens a writer per experiment as they are needed. `experiment` may hold {app_name}, {user} and {queue}.

    Raises:
        PublishError: the template has another field.
    """

    def __init__(
        self,
        tracking_uri: str | None = None,
        experiment: str | None = None,
        writer: str = "auto",
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self._template, self._tracking_uri = experiment_name(experiment, tracking_uri), tracking_uri
        self._open: Callable[[str], Writer] = lambda name: open_writer(tracking_uri, name, writer, tell)
        self._writers: dict[str, Writer] = {}
        self._writer, self._remembers = writer, False
        unknown = [name for name in _FIELD.findall(self._template) if name not in FIELDS]
        if unknown:
            known = ", ".join(f"{{{name}}}" for name in FIELDS)
            raise PublishError(f"--experiment {self._template!r}: there is no {{{unknown[0]}}}; there are {known}")
        self._fixed = not _FIELD.search(self._template)
        if self._fixed:
            self.writer({})

    @property
    def reached_from_everywhere(self) -> bool:
        """Whether any machine can write there: a tracking server, or a database server that `sql` was asked for. Not a
        file of this machine."""
        return shared(self._tracking_uri, self._writer)

    @property
    def settings(self) -> tuple[str | None, str, str]:
        """The tracking URI, the template and the writer, to open the same elsewhere."""
        return resolved(self._tracking_uri), self._template, self._writer

    def writer(self, application: Mapping[str, str | None]) -> Writer:
        """The writer for an application with these FIELDS; what it lacks is `unknown`."""
        name = _FIELD.sub(lambda field: _in_name(application.get(field.group(1))), self._template)
        if name not in self._writers:
            self._writers[name] = self._open(name)
            if self._remembers:
                self._writers[name].remember()
        return self._writers[name]

    def find(self, identity: str) -> Published | None:
        """See Writer; with a template in every experiment, since only the log says which one it would be."""
        if self._fixed:
            return self.writer({}).find(identity)
        anywhere = next(iter(self._writers.values()), None) or open_existing(self._tracking_uri)
        if anywhere is None:
            return None
        parts = [re.escape(text) for text in _FIELD.split(self._template)[::2]]
        named = re.compile(".+".join(parts), re.DOTALL)
        return next(anywhere.anywhere(f"tags.`{FINGERPRINT_TAG}` = '{identity}'", named), None)

    def remember(self) -> None:
        """See Writer; also for experiments that are opened later."""
        self._remembers = True
        for writer in self._writers.values():
            writer.remember()

    def server_command(self) -> str | None:
        """See Writer."""
        return next((writer.server_command() for writer in self._writers.values()), None)


def _in_name(value: str | None) -> str:
    return replace_controls(" ".join((value or "unknown").split()))[:200].replace("'", "") or "unknown"
