"""The lease on an application's tree: one process writes it at a time, without locks in the tracking API.

The tag `afterglow.lease` of the application run names the process that holds the lease and counts its heartbeats.
Whoever finds no holder creates a candidate run and lists the candidates. Of several that see each other, the one with
the smallest run id waits until the others have abandoned theirs. A candidate that exists before another process lists
is seen by it, so two processes cannot both have been alone. The one that is left takes the run that an earlier import
left, or its own candidate. A process that was silent for so long that it was taken for dead finds its name gone, and
stops.
"""

import os
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ...schemas.runs.params_tags import FINGERPRINT_TAG, LEASE_TAG
from ..errors import PublishError
from ..transient import is_transient
from .process_identity import machine, process_start

HEARTBEAT_S = 5.0
DEAD_AFTER_S = 30.0  # how long a holder on another machine may be silent
POLL_S = 0.2
_CANDIDATE, _WRITING, _REMOVING = "candidate", "writing", "removing"
_HERE: set[str] = set()
"""The names of this process's leases that are not released."""


class LeaseLostError(PublishError):
    """Another process holds the lease now; importing the log again settles it."""

    transient = True


class Lease:
    """This process's lease on one tree, to write it or to remove it.

    `write` sets the tag's value on the application run, for the heartbeat.
    """

    def __init__(self, write: Callable[[str], None], removing: bool = False) -> None:
        self._write, self._state = write, _REMOVING if removing else _WRITING
        self._name = f"{machine()}|{os.getpid()}|{process_start(os.getpid())}|{uuid.uuid4().hex}"
        self._beats = 0
        self.lost = False
        _HERE.add(self._name)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def value(self) -> str:
        """The tag's value now."""
        return f"{self._name}|{self._state}|{self._beats}"

    def owns(self, value: str | None) -> bool:
        """Whether a tag's value is this lease's."""
        return bool(value) and str(value).startswith(self._name + "|")

    def candidate(self) -> str:
        """The value for a run that may yet have to be abandoned."""
        self._beats += 1
        return f"{self._name}|{_CANDIDATE}|{self._beats}"

    def start_heartbeat(self) -> None:
        """Renews the lease from now on."""
        self._thread = threading.Thread(target=self._beat, name="afterglow-lease", daemon=True)
        self._thread.start()

    def release(self) -> None:
        """Ends the heartbeat. The tag is the caller's to clear."""
        _HERE.discard(self._name)
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _beat(self) -> None:
        while not self.lost and not self._stop.wait(HEARTBEAT_S):
            self._beats += 1
            try:
                self._write(self.value())
            except Exception as error:  # of MLflow, its database, or the network
                self.lost = not is_transient(error)


class LeaseWatch:
    """Watches the leases of other processes over time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[str, float]] = {}

    def is_alive(self, run_id: str, value: str | None) -> bool:
        """Whether the process that a tag's value names may still be at work.

        On this machine the process id says so at once; another machine's heartbeat has to stay away for a while.
        """
        if not value:
            return False
        host, pid, started, *_ = [*value.split("|"), "", "", ""]
        if host == machine() and pid.isdecimal():
            if process_start(int(pid)) != started:
                return False
            if int(pid) == os.getpid() and "|".join(value.split("|")[:4]) not in _HERE:
                return False
        before = self._seen.get(run_id)
        if before is None or before[0] != value:
            self._seen[run_id] = value, self._clock()
            return True
        return self._clock() - before[1] < DEAD_AFTER_S


class LeaseStore(Protocol):
    """What `acquire` needs of a store; all of it is about one application's root runs."""

    def list_roots(self) -> Mapping[str, Mapping[str, str]]:
        """Run id -> tags of the active root runs."""

    def create_root(self, value: str) -> str:
        """Creates a root run with this value of the lease's tag; its id."""

    def renew(self, run_id: str, value: str) -> None:
        """Sets the lease's tag."""

    def abandon(self, run_id: str) -> None:
        """Deletes a run that came second, unless it is deleted already."""


@dataclass(frozen=True, slots=True)
class Acquired:
    """The root run that the lease is on. `complete`: it was written with this very fingerprint, and the lease was not
    taken. `created`: the run is new."""

    run_id: str
    complete: bool = False
    created: bool = False


def acquire(lease: Lease, store: LeaseStore, fingerprint: str, sleep: Callable[[float], None] = time.sleep) -> Acquired:
    """Takes the lease, and waits while another process holds it.

    Raises:
        LeaseLostError: another process took the tree over.
    """
    watch = LeaseWatch()
    mine: str | None = None
    while True:
        tags = store.list_roots()
        # Those that are written or complete come first, then what an import left: every process sees the same order.
        left = sorted((not _is_held(tags[i]), i) for i in tags if not _is_candidate(tags[i]) and i != mine)
        first = left[0][1] if left else None
        if first is not None:
            complete = bool(fingerprint) and tags[first].get(FINGERPRINT_TAG) == fingerprint
            if complete or watch.is_alive(first, tags[first].get(LEASE_TAG)):
                if mine is not None:
                    store.abandon(mine)
                    mine = None
                if complete:
                    return Acquired(first, complete=True)
                sleep(POLL_S)
                continue
        alive = _living_candidates(lease, store, watch, tags, mine)
        if mine is not None and mine not in tags:
            raise LeaseLostError("another import took this one for dead; import the log again")
        if alive:
            if mine is not None and min(alive) < mine:
                store.abandon(mine)
                mine = None
            elif mine is not None:
                store.renew(mine, lease.candidate())  # the others see that this one waits, and abandon theirs
            sleep(POLL_S)
        elif mine is None:
            mine = store.create_root(lease.candidate())
        else:
            return _take(lease, store, first, mine)


def _living_candidates(
    lease: Lease, store: LeaseStore, watch: LeaseWatch, tags: Mapping[str, Mapping[str, str]], mine: str | None
) -> list[str]:
    alive = []
    for other in [i for i in tags if _is_candidate(tags[i]) and i != mine]:
        value = tags[other].get(LEASE_TAG)
        if lease.owns(value) or not watch.is_alive(other, value):
            store.abandon(other)  # its process is dead; or the answer to creating it was lost, and it was made again
        else:
            alive.append(other)
    return alive


def _take(lease: Lease, store: LeaseStore, first: str | None, mine: str) -> Acquired:
    """Writes the lease on the run that an earlier import left, or on the candidate where there is none."""
    taken = first or mine
    store.renew(taken, lease.value())
    now = store.list_roots()
    if mine not in now or not lease.owns(now.get(taken, {}).get(LEASE_TAG)):
        raise LeaseLostError("another import took the application's run over, or it was deleted; import the log again")
    if taken != mine:
        store.abandon(mine)
    return Acquired(taken, created=taken == mine)


def is_being_removed(tags: Mapping[str, str]) -> bool:
    """Whether a process removes the tree, or was killed while it did: what is left counts as deleted."""
    return _state(tags) == _REMOVING


def _is_held(tags: Mapping[str, str]) -> bool:
    return _state(tags) in (_WRITING, _REMOVING) or bool(tags.get(FINGERPRINT_TAG))


def _state(tags: Mapping[str, str]) -> str:
    return next(iter(tags.get(LEASE_TAG, "").split("|")[4:5]), "")


def _is_candidate(tags: Mapping[str, str]) -> bool:
    return bool(tags.get(LEASE_TAG)) and not _is_held(tags)
