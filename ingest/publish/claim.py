"""Who writes a tree: one process at a time, without a lock that the tracking API does not have.

`afterglow.writer` on the application run names the process that writes the tree and beats while it does. Where there
is no run yet, everyone makes a candidate and looks for others: whoever was alone is the writer; of several that saw
each other the one with the smallest run id waits until the others have withdrawn. A run that was made before another
one looked is seen by it, so two cannot both have been alone.
"""

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from ...schemas.runs import COMPLETE_TAG, WRITER_TAG
from ..errors import PublishError

_BEAT_S = 5.0
_DEAD_AFTER_S = 30.0  # as long a writer on another machine may be silent
_LOOK_AGAIN_S = 0.2
_CANDIDATE = "candidate"
_HERE: set[str] = set()
"""The names of this process's claims that are not released."""


class Claim:
    """This process's hold on a tree; `token` is what it writes into afterglow.writer."""

    def __init__(self, beat: Callable[[str], None]) -> None:
        self._write = beat
        self._name = f"{socket.gethostname()}|{os.getpid()}|{_started(os.getpid())}|{uuid.uuid4().hex[:8]}"
        self._beats = 0
        _HERE.add(self._name)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def token(self, state: str = "writing") -> str:
        """The tag's value now."""
        return f"{self._name}|{state}|{self._beats}"

    def holds(self, value: str | None) -> bool:
        """Whether a tag's value is this process's."""
        return bool(value) and str(value).startswith(self._name)

    def candidate(self) -> str:
        """The value for a run that may yet have to withdraw."""
        return self.token(_CANDIDATE)

    def keep(self) -> None:
        """Beats from now on."""
        self._thread = threading.Thread(target=self._beat, name="afterglow-claim", daemon=True)
        self._thread.start()

    def release(self) -> None:
        """Beats no more."""
        _HERE.discard(self._name)
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _beat(self) -> None:
        while not self._stop.wait(_BEAT_S):
            self._beats += 1
            try:
                self._write(self.token())
            except Exception:  # the next beat may get through; a writer that is silent for long loses its hold
                continue


def writes(value: str | None) -> bool:
    """Whether the tag says that a process writes, rather than that it may."""
    return bool(value) and str(value).split("|")[4:5] == ["writing"]


class Watch:
    """Tells the dead from the living among other writers, by their tags' values over time."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, float]] = {}

    def alive(self, run_id: str, value: str | None) -> bool:
        """Whether the process named there may still be at work."""
        if not value:
            return False
        host, pid, started, *_ = [*value.split("|"), "", "", ""]
        if host == socket.gethostname() and pid.isdecimal():
            if _started(int(pid)) != started:
                return False
            if int(pid) == os.getpid() and "|".join(value.split("|")[:4]) not in _HERE:
                return False
        before = self._seen.get(run_id)
        if before is None or before[0] != value:
            self._seen[run_id] = value, time.monotonic()
            return True
        return time.monotonic() - before[1] < _DEAD_AFTER_S


def hold(
    claim: Claim,
    look: Callable[[], list[Any]],
    make: Callable[[str], str],
    say: Callable[[str, str], None],
    withdraw: Callable[[str], None],
    identity: str,
) -> tuple[str, bool]:
    """Takes hold of the root run: (its id, whether it is complete for this very identity, so that nothing is to do).

    `look` gives the active root runs, `make` makes one with this writer tag, `say(run id, value)` sets the tag,
    `withdraw` deletes a run that came second.

    Raises:
        PublishError: another process took the tree over.
    """
    watch = Watch()
    mine: str | None = None
    while True:
        roots = {run.info.run_id: run.data.tags for run in look()}
        others = {run_id: tags for run_id, tags in roots.items() if run_id != mine}
        if not roots and mine is None:
            mine = make(claim.candidate())
            continue
        if mine is not None and not others:
            say(mine, claim.token())
            return mine, False
        # Those that write come first, then what an import left, then candidates: whoever looks sees the same order.
        first = min(others, key=lambda i: (_rank(others[i]), i))
        if mine is not None:
            if _rank(others[first]) == 2 and mine < first and watch.alive(first, others[first].get(WRITER_TAG)):
                time.sleep(_LOOK_AGAIN_S)  # it will see mine and withdraw
                continue
            if _rank(others[first]) == 2 and mine < first:
                withdraw(first)  # its process is dead
                continue
            withdraw(mine)
            mine = None
            continue
        value = others[first].get(WRITER_TAG)
        if others[first].get(COMPLETE_TAG) == identity:
            return first, True
        if watch.alive(first, value):
            time.sleep(_LOOK_AGAIN_S)
            continue
        say(first, claim.token())
        time.sleep(_LOOK_AGAIN_S)  # whoever else wants it has written its own name by now, and the last one has it
        now = {run.info.run_id: run.data.tags for run in look()}
        if claim.holds(now.get(first, {}).get(WRITER_TAG)):
            return first, False
        if first not in now and not now:
            raise PublishError("the application's run was deleted while it was taken hold of; import the log again")


def _rank(tags: Any) -> int:
    value = tags.get(WRITER_TAG)
    if writes(value) or tags.get(COMPLETE_TAG):
        return 0
    return 1 if not value else 2


def _started(pid: int) -> str:
    """When a process of this machine was started, in ticks since boot; empty where it is not, or cannot be known."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rsplit(b")", 1)[1].split()[19].decode()
    except (OSError, IndexError):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return ""
        except OSError:
            return "?"
        return "?"
