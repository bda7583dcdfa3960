"""Who writes a tree: one process at a time, without a lock that the tracking API does not have.

`afterglow.lease` on the application run names the process that writes the tree and beats while it does. Where nobody
writes, whoever wants to makes a candidate run and looks for others: of several that saw each other the one with the
smallest run id waits until the others have withdrawn. A run that was made before another one looked is seen by it, so
two cannot both have been alone. The one that is left takes the run that an earlier import left, or its own candidate.
A process that was silent for so long that it was taken for dead finds its name gone, and stops.
"""

import contextlib
import functools
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...schemas.runs.params_tags import FINGERPRINT_TAG, LEASE_TAG
from ..errors import PublishError

_BEAT_S = 5.0
_DEAD_AFTER_S = 30.0  # as long a writer on another machine may be silent
_LOOK_AGAIN_S = 0.2
_CANDIDATE = "candidate"
_HERE: set[str] = set()
"""The names of this process's claims that are not released."""


class Claim:
    """This process's hold on a tree; `token` is what it writes into afterglow.lease."""

    def __init__(self, beat: Callable[[str], None]) -> None:
        self._write = beat
        self._name = f"{_machine()}|{os.getpid()}|{_started(os.getpid())}|{uuid.uuid4().hex[:8]}"
        self._beats = 0
        _HERE.add(self._name)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def token(self, state: str = "writing") -> str:
        """The tag's value now."""
        return f"{self._name}|{state}|{self._beats}"

    def holds(self, value: str | None) -> bool:
        """Whether a tag's value is this process's."""
        return bool(value) and str(value).startswith(self._name + "|")

    def candidate(self) -> str:
        """The value for a run that may yet have to withdraw."""
        self._beats += 1
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
        if host == _machine() and pid.isdecimal():
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
    `withdraw` deletes a run that came second, unless it is deleted already.

    Raises:
        PublishError: another process took the tree over.
    """
    watch = Watch()
    mine: str | None = None
    while True:
        tags = {run.info.run_id: run.data.tags for run in look()}
        # Those that are written or complete come first, then what an import left: whoever looks sees the same order.
        left = sorted((not _written(tags[i]), i) for i in tags if not _is_candidate(tags[i]) and i != mine)
        first = left[0][1] if left else None
        if first is not None:
            complete = tags[first].get(FINGERPRINT_TAG) == identity
            if complete or watch.alive(first, tags[first].get(LEASE_TAG)):
                if mine is not None:
                    withdraw(mine)
                    mine = None
                if complete:
                    return first, True
                time.sleep(_LOOK_AGAIN_S)
                continue
        others = [i for i in tags if _is_candidate(tags[i]) and i != mine]
        alive = []
        for other in others:
            value = tags[other].get(LEASE_TAG)
            if claim.holds(value) or not watch.alive(other, value):
                withdraw(other)  # its process is dead; or the answer to making it was lost, and it was made again
            else:
                alive.append(other)
        if mine is not None and mine not in tags:
            raise PublishError("another import took this one for dead; import the log again")
        if alive:
            if mine is not None and min(alive) < mine:
                withdraw(mine)
                mine = None
            elif mine is not None:
                say(mine, claim.candidate())  # still here; the others will see it and withdraw
            time.sleep(_LOOK_AGAIN_S)
        elif mine is None:
            mine = make(claim.candidate())
        else:
            return _take(claim, look, say, withdraw, first, mine), False


def _take(
    claim: Claim,
    look: Callable[[], list[Any]],
    say: Callable[[str, str], None],
    withdraw: Callable[[str], None],
    first: str | None,
    mine: str,
) -> str:
    """Writes the claim's name on the run that an earlier import left, or on the candidate where there is none."""
    taken = first or mine
    say(taken, claim.token())
    now = {run.info.run_id: run.data.tags for run in look()}
    if mine not in now or not claim.holds(now.get(taken, {}).get(LEASE_TAG)):
        raise PublishError("another import took the application's run over, or it was deleted; import the log again")
    if taken != mine:
        withdraw(mine)
    return taken


def _written(tags: Any) -> bool:
    return writes(tags.get(LEASE_TAG)) or bool(tags.get(FINGERPRINT_TAG))


def _is_candidate(tags: Any) -> bool:
    return bool(tags.get(LEASE_TAG)) and not _written(tags)


@functools.cache
def _machine() -> str:
    """Within what a process id means something: this boot of this kernel, and this container on it. A host's name says
    neither, and several may have it."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8])
        parts.append(os.readlink("/proc/self/ns/pid").strip("pid:[]"))
    return "/".join(parts)


def _started(pid: int) -> str:
    """When a process of this machine was started, in ticks since boot; empty where it is not, or is a dead one that its
    parent has not taken note of; "?" where it cannot be known."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            after_name = file.read().rsplit(b")", 1)[1].split()
            return "" if after_name[0] in (b"Z", b"X") else after_name[19].decode()
    except (OSError, IndexError):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return ""
        except OSError:
            return "?"
        return "?"
