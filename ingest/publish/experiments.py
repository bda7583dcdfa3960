"""Choose an application's experiment, by name or by a template of the application's name, user and queue."""

import re
from collections.abc import Callable, Mapping
from operator import attrgetter

from ...schemas.job_history import SENT_TAG, JobRun
from ..control_characters import replace_controls
from ..errors import PublishError
from .check_reachable import check_reachable
from .error_messages import translate_errors
from .interface import Published, Writer
from .store import TrackingStore
from .stored_trees import find_tree_anywhere
from .views import APPLICATIONS
from .writer_selection import DEFAULT_EXPERIMENT, experiment_name, is_shared, open_checked, resolved_uri, retry_policy

FIELDS = ("app_name", "user", "queue")
_FIELD = re.compile(r"\{(\w*)\}")
_REMEMBERED = 5
"""How many times as many runs of a job are remembered as are compared with: imports may be in any order of time."""
_start = attrgetter("start_ms")
_application = attrgetter("app_id", "app_attempt", "start_ms")


class Experiments:
    """Open one writer per experiment on demand. `experiment` may contain {app_name}, {user} and {queue}.

    A new object only checks that the store answers. It creates nothing; `open` does.

    Raises:
        PublishError: the template has another field, or the store cannot be reached.
    """

    def __init__(
        self,
        tracking_uri: str | None = None,
        experiment: str | None = None,
        writer: str = "auto",
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self._uri, self._writer = resolved_uri(tracking_uri), writer
        unknown = [name for name in _FIELD.findall(experiment or "") if name not in FIELDS]
        if unknown:
            known = ", ".join(f"{{{name}}}" for name in FIELDS)
            raise PublishError(f"--experiment {experiment!r}: there is no {{{unknown[0]}}}; there are {known}")
        self._policy = check_reachable(self._uri, retry_policy(tell))
        self._template = experiment_name(experiment, self._uri)
        self._writers: dict[str, Writer] = {}
        self._job_runs: dict[tuple[str, str], list[JobRun]] = {}
        self._load = False
        self._fixed = not _FIELD.search(self._template)

    def open(self) -> "Experiments":
        """Open the store and the experiment, which is created if it does not exist, unless its name is a template.

        Raises:
            PublishError: the store cannot be opened, or the experiment was deleted.
        """
        if self._fixed:
            self.writer({})
        return self

    @property
    def reached_from_everywhere(self) -> bool:
        """Whether any machine can write to the store: a tracking server, or a database server with the writer `sql`."""
        return is_shared(self._uri, self._writer)

    @property
    def settings(self) -> tuple[str | None, str, str]:
        """The tracking URI, the template and the writer, to open the same store in another process."""
        return self._uri, self._template, self._writer

    def writer(self, application: Mapping[str, str | None]) -> Writer:
        """The writer for an application with these FIELDS; missing fields are `unknown`."""
        name = _FIELD.sub(lambda field: _in_name(application.get(field.group(1))), self._template)
        if name not in self._writers:
            self._writers[name] = open_checked(self._uri, name, self._writer, self._policy)
            if self._load:
                self._writers[name].load_fingerprints()
        return self._writers[name]

    def find(self, fingerprint: str) -> Published | None:
        """See Writer. A template is searched in every experiment, since only the log determines which one it is."""
        if self._fixed:
            return self.writer({}).find(fingerprint)
        writer = next(iter(self._writers.values()), None)
        store = (
            writer.store
            if writer is not None
            else TrackingStore.open_existing(self._uri, DEFAULT_EXPERIMENT, self._policy)
        )
        if store is None:
            return None
        parts = [re.escape(text) for text in _FIELD.split(self._template)[::2]]
        return find_tree_anywhere(store, fingerprint, re.compile(".+".join(parts), re.DOTALL))

    def earlier_runs(self, application: Mapping[str, str | None], run: JobRun, most: int) -> list[JobRun]:
        """Runs of this run's job in its experiment, among them the newest that began before it.

        The store is asked once for a job, and again for a run that began before all that are known. Runs that this
        process has written since are remembered, see `remember_run`: the store may not have them yet.
        """
        writer = self.writer(application)
        known = self._job_runs.setdefault((writer.store.experiment_id, run.job), [])
        known.sort(key=_start)
        del known[: -_REMEMBERED * most]
        if not known or (len(known) >= most and run.start_ms < known[0].start_ms):
            there = set(map(_application, known))
            stored = writer.earlier_runs(run.job, run.start_ms + 1, most)
            known += [one for one in stored if _application(one) not in there]
        return known

    def remember_run(self, application: Mapping[str, str | None], run: JobRun) -> None:
        """Adds a run that was written to the runs of its job. It replaces the one of an earlier import."""
        runs = self._job_runs.get((self.writer(application).store.experiment_id, run.job))
        if runs is not None:  # else nobody compares
            wanted = _application(run)
            runs[:] = [one for one in runs if _application(one) != wanted]
            runs.append(run)

    def forget_runs(self, published: Published) -> None:
        """Asks the store again for the runs of this tree's job, since this run is not among those of this process."""
        for known in [known for known in self._job_runs if known[1] == published.job]:
            del self._job_runs[known]

    def mark_sent(self, published: Published, when: str) -> None:
        """Sets the tag of an application's run that says that the webhook was called.

        Raises:
            PublishError: MLflow refused.
        """
        writer = next(iter(self._writers.values()))
        with translate_errors("cannot mark the regression as sent"):
            writer.store.call(writer.store.client.set_tag, published.run_id, SENT_TAG, when)

    def load_fingerprints(self) -> None:
        """See Writer; also for experiments that are opened later."""
        self._load = True
        for writer in self._writers.values():
            writer.load_fingerprints()

    def overview_url(self) -> str | None:
        """The URL of the applications of the experiment that was opened first; None before one was opened."""
        return next((writer.store.url(APPLICATIONS) for writer in self._writers.values()), None)

    def server_command(self) -> str | None:
        """See TrackingStore."""
        return next((writer.store.server_command() for writer in self._writers.values()), None)


def _in_name(value: str | None) -> str:
    return replace_controls(" ".join((value or "unknown").split()))[:200].replace("'", "") or "unknown"
