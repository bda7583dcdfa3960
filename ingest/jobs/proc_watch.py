"""The processes of a job that was started here, and the event logs they have open: as Linux tells it in /proc.

A driver may say in its own code where its log goes. While it runs, the log is one of its open files; a gateway that
`python train.py` starts has the code's settings on its command line.
"""

import os
import re
import sys
from dataclasses import dataclass, field

SUBMIT_ID = "AFTERGLOW_SUBMIT_ID"
"""The environment variable that a job's processes have in common; its value is the submission's id."""

# EventLogFileWriter.IN_PROGRESS, RollingEventLogFilesWriter.EVENT_LOG_DIR_NAME_PREFIX
_ROLLING = re.compile(r"(.*/eventlog_v2_[^/]+)/[^/]+")
_SINGLE = re.compile(r"(.*/[^/]+)\.inprogress")
_SAID = re.compile(rb"(?:^|\0|-D)spark\.eventLog\.dir=([^\0]+)")


@dataclass(slots=True)
class Watched:
    """What was seen of a submission's processes: `logs` they had open, `folders` they were told to write to."""

    submit_id: str
    logs: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)

    def look(self) -> bool | None:
        """Looks now; whether any of the processes is alive, None where the system does not tell."""
        if not sys.platform.startswith("linux"):
            return None
        mine = f"{SUBMIT_ID}={self.submit_id}".encode()
        alive = False
        for pid in os.listdir("/proc"):
            if not pid.isdecimal():
                continue
            try:
                if mine not in _read(f"/proc/{pid}/environ").split(b"\0"):
                    continue
                alive = True
                self.folders |= {found.decode() for found in _SAID.findall(_read(f"/proc/{pid}/cmdline"))}
                for entry in os.listdir(f"/proc/{pid}/fd"):
                    self._open(os.readlink(f"/proc/{pid}/fd/{entry}"))
            except (OSError, UnicodeDecodeError):
                continue  # somebody else's, or gone meanwhile
        return alive

    def _open(self, path: str) -> None:
        found = _ROLLING.fullmatch(path) or _SINGLE.fullmatch(path)
        if found:
            self.logs.add(found[1])


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
