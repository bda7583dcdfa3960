"""Watch the processes of a submitted job: which event logs they have open, and which folders their options name.

A driver may set the folder of its log in its own code. While it runs, the log is one of its open files. The JVM that
`python train.py` starts has the settings of the code on its command line.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import psutil

SUBMIT_ID = "AFTERGLOW_SUBMIT_ID"
"""The environment variable that marks the processes of a job; its value is the id of the submission."""

# EventLogFileWriter.IN_PROGRESS, RollingEventLogFilesWriter.EVENT_LOG_DIR_NAME_PREFIX
_ROLLING = re.compile(r"(.*[/\\]eventlog_v2_[^/\\]+)[/\\][^/\\]+")
_SINGLE = re.compile(r"(.*[/\\][^/\\]+)\.inprogress")
_LOG_DIR = re.compile(r"(?:-D)?spark\.eventLog\.dir=(.+)")


@dataclass(slots=True)
class JobProcesses:
    """What was seen of a submission's processes: `logs` they had open, `folders` on their command lines."""

    submit_id: str
    logs: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)

    def scan(self) -> bool:
        """Looks at the processes now. Returns whether any of them is alive."""
        alive = False
        for process in psutil.process_iter():
            try:
                if process.environ().get(SUBMIT_ID) != self.submit_id or process.status() == psutil.STATUS_ZOMBIE:
                    continue
                alive = True
                self._add_folders(process.cmdline())
                self._add_logs(file.path for file in process.open_files())
            except (psutil.Error, OSError):
                continue  # another user's process, or it has ended
        return alive

    def _add_folders(self, arguments: Iterable[str]) -> None:
        self.folders |= {found[1] for found in map(_LOG_DIR.fullmatch, arguments) if found}

    def _add_logs(self, paths: Iterable[str]) -> None:
        self.logs |= {found[1] for path in paths if (found := _ROLLING.fullmatch(path) or _SINGLE.fullmatch(path))}
