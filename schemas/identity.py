"""What makes two logs the log of one application: its id, attempt, start time and name."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_ROOT = re.compile(r".*?/[0-9a-f]{32}(?=/|$)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ApplicationIdentity:
    """One application attempt.

    An id alone does not tell two applications apart. `local-<ms>`, `app-<second>-0000` and `spark-application-<ms>` are
    made from the time of day, so two clusters hand out the same one (SPARK-36014, SPARK-47556). Start time (ms, UTC)
    and name stand in SparkListenerApplicationStart; they are None where the log does not hold that event.
    """

    app_id: str
    attempt: str | None = None
    start_time_ms: int | None = None
    name: str | None = None

    @classmethod
    def from_row(cls, application: Mapping[str, Any]) -> "ApplicationIdentity":
        """The identity in a row of the table `applications`."""
        return cls(application["app_id"], application["app_attempt"], application["start_time_ms"], application["name"])

    @property
    def digest(self) -> str:
        """128 bits of it as 32 hexadecimal digits; the same on every machine and in every version."""
        parts = json.dumps([self.app_id, self.attempt, self.start_time_ms, self.name])
        return hashlib.blake2b(parts.encode("utf-8"), digest_size=16).hexdigest()

    @property
    def root_key(self) -> str:
        """The key of the application run; the keys of all runs below it begin with it and a slash."""
        return f"{self.app_id}/{self.attempt or '1'}/{self.digest}"


def root_of_key(key: str) -> str:
    """The root key that a run's key begins with; the key itself where there is none."""
    found = _ROOT.match(key)
    return found[0] if found is not None else key
