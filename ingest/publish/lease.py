"""The lease on an application's tree, which lets one process write at a time, without locks in the tracking API.

The tag `afterglow.lease` of the application run names the process that holds the lease and counts its heartbeats.
A process that finds no holder creates a candidate run and lists the candidates. If several see each other, the one with
the smallest run id waits until the others have abandoned theirs. Each candidate exists before its process lists, so two
processes cannot both see only their own. The remaining one takes over the run of an earlier import, or its own
candidate. A process whose heartbeat was missing for too long finds its lease taken over, and stops.

A process that has just searched the store, and has found no run of the application, creates its run as that of the
holder and lists once. If it sees another run, its own becomes a candidate. A process that lists later sees the holder.
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
from ..transient_errors import is_transient
from .process_identity import machine, process_start

HEARTBEAT_S = 5.0
DEAD_AFTER_S = 30.0  # how long the heartbeat of a holder on another machine may be missing
POLL_S = 0.2
_CANDIDATE, _WRITING, _REMOVING = "candidate", "writing", "removing"
_TAKEN_OVER = "another import took the application's run over, or it was deleted; import the log again"
_HERE: set[str] = set()
"""The names of this process's leases that are not released."""


class LeaseLostError(PublishError):
    """Another process holds the lease now; import the log again."""

    transient = True


class Lease:
    """This process's lease on one tree, to write or remove it.

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
        """The current value of the tag."""
        return f"{self._name}|{self._state}|{self._beats}"

    def owns(self, value: str | None) -> bool:
        """Whether a tag's value belongs to this lease."""
        return bool(value) and str(value).startswith(self._name + "|")

    def claim(self) -> str:
        """The value for a new run, for the case that no other process has created one."""
        self._beats += 1
        return self.value()

    def candidate(self) -> str:
        """The value for a run that may have to be abandoned."""
        self._beats += 1
        return f"{self._name}|{_CANDIDATE}|{self._beats}"

    def start_heartbeat(self) -> None:
        """Renew the lease periodically from now on."""
        self._thread = threading.Thread(target=self._beat, name="afterglow-lease", daemon=True)
        self._thread.start()

    def release(self) -> None:
        """Stop the heartbeat. The caller clears the tag."""
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
        """Whether the process named by a tag's value may still be running.

        On this machine the process id is checked. On another machine, the heartbeat must be missing for some time.
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
    """The operations that `acquire` needs, on one application's root runs."""

    def list_roots(self) -> Mapping[str, Mapping[str, str]]:
        """Run id -> tags of the active root runs."""

    def create_root(self, value: str) -> str:
        """Create a root run with this value of the lease tag, and return its id."""

    def renew(self, run_id: str, value: str) -> None:
        """Set the lease tag."""

    def abandon(self, run_id: str) -> None:
        """Delete a run that lost, unless it is already deleted."""


@dataclass(frozen=True, slots=True)
class Acquired:
    """The root run with the lease. `complete` means that it already has this fingerprint and no lease was taken.
    `created` means that the run is new."""

    run_id: str
    complete: bool = False
    created: bool = False


def acquire(
    lease: Lease,
    store: LeaseStore,
    fingerprint: str,
    is_new: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Acquired:
    """Acquire the lease, waiting while another process holds it. `is_new` if there was no root run a moment ago.

    Raises:
        LeaseLostError: another process took the tree over.
    """
    watch = LeaseWatch()
    mine: str | None = None
    if is_new:
        mine = store.create_root(lease.claim())
        tags = store.list_roots()
        _check_owned(lease, tags, mine)
        if len(tags) == 1:
            return Acquired(mine, created=True)
        store.renew(mine, lease.candidate())
    while True:
        tags = store.list_roots()
        for other in [i for i in tags if i != mine and lease.owns(tags[i].get(LEASE_TAG))]:
            store.abandon(other)  # the response to creating it was lost, and it was created again
            tags = {i: tags[i] for i in tags if i != other}
        # Runs being written and complete runs come first, then unfinished ones. Every process sees the same order.
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
        alive = _living_candidates(store, watch, tags, mine)
        if mine is not None and mine not in tags:
            raise LeaseLostError("another import took this one for dead; import the log again")
        if alive:
            if mine is not None and min(alive) < mine:
                store.abandon(mine)
                mine = None
            elif mine is not None:
                store.renew(mine, lease.candidate())  # the others see that this process waits, and abandon theirs
            sleep(POLL_S)
        elif mine is None:
            mine = store.create_root(lease.candidate())
        else:
            return _take(lease, store, first, mine)


def _living_candidates(
    store: LeaseStore, watch: LeaseWatch, tags: Mapping[str, Mapping[str, str]], mine: str | None
) -> list[str]:
    alive = []
    for other in [i for i in tags if _is_candidate(tags[i]) and i != mine]:
        value = tags[other].get(LEASE_TAG)
        if watch.is_alive(other, value):
            alive.append(other)
        else:
            store.abandon(other)  # its process is dead
    return alive


def _take(lease: Lease, store: LeaseStore, first: str | None, mine: str) -> Acquired:
    """Write the lease to the run of an earlier import, or to the candidate if there is none."""
    taken = first or mine
    store.renew(taken, lease.value())
    now = store.list_roots()
    if mine not in now:
        raise LeaseLostError(_TAKEN_OVER)
    _check_owned(lease, now, taken)
    if taken != mine:
        store.abandon(mine)
    return Acquired(taken, created=taken == mine)


def _check_owned(lease: Lease, tags: Mapping[str, Mapping[str, str]], run_id: str) -> None:
    if not lease.owns(tags.get(run_id, {}).get(LEASE_TAG)):
        raise LeaseLostError(_TAKEN_OVER)


def is_being_removed(tags: Mapping[str, str]) -> bool:
    """Whether a process is removing the tree, or was killed while doing so. The remaining runs count as deleted."""
    return _state(tags) == _REMOVING


def _is_held(tags: Mapping[str, str]) -> bool:
    return _state(tags) in (_WRITING, _REMOVING) or bool(tags.get(FINGERPRINT_TAG))


def _state(tags: Mapping[str, str]) -> str:
    return next(iter(tags.get(LEASE_TAG, "").split("|")[4:5]), "")


def _is_candidate(tags: Mapping[str, str]) -> bool:
    return bool(tags.get(LEASE_TAG)) and not _is_held(tags)
