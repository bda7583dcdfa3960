"""The lease on a tree: living and dead holders, candidates, and processes that lose theirs."""

import itertools
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow.entities import RunTag

from afterglow.ingest import PublishError
from afterglow.ingest.publish import lease as leases
from afterglow.ingest.publish.interface import RunRecord
from afterglow.ingest.publish.lease import Acquired, Lease, LeaseWatch, acquire, is_being_removed
from afterglow.ingest.publish.leased_root import LeasedRoot
from afterglow.ingest.publish.process_identity import machine, process_start
from afterglow.schemas.runs.params_tags import FINGERPRINT_TAG, LEASE_TAG


@dataclass
class Store:
    """Active root runs, as the tracking API shows them."""

    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    made: int = 0

    def list_roots(self) -> Mapping[str, Mapping[str, str]]:
        with self.lock:
            return {run_id: dict(tags) for run_id, tags in self.tags.items()}

    def create_root(self, value: str) -> str:
        with self.lock:
            self.made += 1
            name = f"{hash((self.made, value)) % 10**6:06}-{self.made}"
            self.tags[name] = {LEASE_TAG: value}
            return name

    def renew(self, run_id: str, value: str) -> None:
        with self.lock:
            if run_id not in self.tags:
                raise PublishError("must be in the 'active' state")
            self.tags[run_id][LEASE_TAG] = value

    def abandon(self, run_id: str) -> None:
        with self.lock:
            self.tags.pop(run_id, None)

    def acquire(self, lease: Lease, is_new: bool = False) -> Acquired:
        return acquire(lease, self, "this", is_new, lambda s: time.sleep(0.01))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "DEAD_AFTER_S", 0.3)


def lease() -> Lease:
    return Lease(lambda value: None)


@pytest.mark.parametrize("every", [1, 2, 13], ids=["all think that it is new", "half of them", "none"])
def test_of_many_threads_one_at_a_time_holds_a_tree(every: int) -> None:
    """Some have found no run of the application, and others have not looked."""
    store, inside, most, done = Store(), [], [], []
    number = itertools.count(1)

    def work() -> None:
        mine = lease()
        root = store.acquire(mine, next(number) % every == 0)
        assert not root.complete
        inside.append(root.run_id)
        most.append(len(inside))
        threading.Event().wait(0.02)
        inside.remove(root.run_id)
        done.append(root.run_id)
        mine.release()
        store.renew(root.run_id, "")

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert set(most) == {1} and len(done) == 12 and len(set(done)) == 1 == len(store.tags)


def test_a_tree_with_this_fingerprint_is_not_taken() -> None:
    store = Store({"a": {FINGERPRINT_TAG: "this"}})
    assert store.acquire(lease()) == Acquired("a", complete=True)
    store = Store({"a": {FINGERPRINT_TAG: "older", LEASE_TAG: ""}})
    assert store.acquire(lease()) == Acquired("a") and list(store.tags) == ["a"]


def test_where_there_is_no_root_it_is_created() -> None:
    store = Store()
    found = store.acquire(lease())
    assert found.created and list(store.tags) == [found.run_id]


def test_where_nobody_else_creates_it_one_look_is_enough() -> None:
    store, looks, mine = Store(), [], lease()
    real = store.list_roots

    def look() -> Mapping[str, Mapping[str, str]]:
        looks.append(1)
        return real()

    store.list_roots = look  # type: ignore[method-assign]
    found = store.acquire(mine, is_new=True)
    assert found == Acquired(found.run_id, created=True) and len(looks) == 1
    assert mine.owns(store.tags[found.run_id][LEASE_TAG]) and "|writing|" in store.tags[found.run_id][LEASE_TAG]


@pytest.mark.parametrize("state", ["writing", "candidate"])
def test_a_run_that_another_process_created_in_the_meantime_is_seen(state: str) -> None:
    store, dead = Store(), f"{machine()}|999999|1|abc|{state}|1"
    store.tags["a"] = {LEASE_TAG: dead}
    found = store.acquire(lease(), is_new=True)
    assert list(store.tags) == [found.run_id] and (found.run_id == "a") == (state == "writing")
    assert found.created == (state == "candidate")
    store = Store({"a": {FINGERPRINT_TAG: "this"}})
    assert store.acquire(lease(), is_new=True) == Acquired("a", complete=True) and list(store.tags) == ["a"]


def test_a_claim_becomes_a_candidate_beside_another_run() -> None:
    """Of two claims that stayed, each would abandon its run for the other one."""
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    other = f"{machine()}|{child.pid}|{process_start(child.pid)}|abc|writing|3"
    store, states = Store({"a": {LEASE_TAG: other}}), []
    real = store.list_roots

    def look() -> Mapping[str, Mapping[str, str]]:
        found = real()
        states.append([tags[LEASE_TAG].split("|")[4] for run_id, tags in found.items() if run_id != "a"])
        return found

    def sleep(wait_s: float) -> None:
        store.tags["a"] = {LEASE_TAG: "", FINGERPRINT_TAG: "this"}

    store.list_roots = look  # type: ignore[method-assign]
    assert acquire(lease(), store, "this", True, sleep) == Acquired("a", complete=True)
    assert states[:2] == [["writing"], ["candidate"]] and list(store.tags) == ["a"]
    child.communicate()


def test_a_dead_process_s_lease_is_taken_at_once_and_its_candidate_abandoned() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    value = f"{machine()}|{child.pid}|{process_start(child.pid)}|abc|writing|3"
    assert LeaseWatch().is_alive("a", value)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # a zombie that nobody has waited for
    assert not LeaseWatch().is_alive("a", value)
    child.wait()
    child.stdin.close()  # type: ignore[union-attr]
    assert not LeaseWatch().is_alive("a", value)
    store = Store({"a": {LEASE_TAG: value}, "b": {LEASE_TAG: value.replace("writing", "candidate")}})
    assert store.acquire(lease()) == Acquired("a") and list(store.tags) == ["a"]


def test_another_machine_s_lease_is_waited_for_until_its_heartbeat_stays_away() -> None:
    value = f"{socket.gethostname()}/other/1|1|77|abc|writing|3"
    now = itertools.chain([0.0], itertools.repeat(0.2), [])
    watch = LeaseWatch(lambda: next(now))
    assert watch.is_alive("a", value) and watch.is_alive("a", value)
    now = itertools.repeat(0.31)
    assert not watch.is_alive("a", value)
    assert watch.is_alive("a", value.replace("|3", "|4"))


@pytest.mark.parametrize("is_new", [False, True])
def test_a_candidate_made_twice_because_an_answer_was_lost(is_new: bool) -> None:
    store, mine = Store(), lease()
    store.create_root(mine.claim() if is_new else mine.candidate())
    root = store.acquire(mine, is_new)
    assert list(store.tags) == [root.run_id]


def test_who_is_taken_for_dead_after_creating_the_run_stops() -> None:
    store, create = Store(), Store.create_root

    def stalls(value: str) -> str:
        run_id = create(store, value)
        store.tags[run_id][LEASE_TAG] = "another|1|1|x|writing|1"
        return run_id

    store.create_root = stalls  # type: ignore[method-assign]
    with pytest.raises(PublishError, match="took the application's run over"):
        store.acquire(lease(), is_new=True)


def test_who_is_taken_for_dead_stops() -> None:
    store, mine = Store(), lease()
    renew = store.renew

    def stalls(run_id: str, value: str) -> None:
        renew(run_id, value)
        store.tags[run_id][LEASE_TAG] = "another|1|1|x|writing|1"

    store.renew = stalls  # type: ignore[method-assign]
    with pytest.raises(PublishError, match="took the application's run over"):
        store.acquire(mine)


def test_a_removal_holds_the_lease_and_says_so() -> None:
    store, removal = Store({"a": {FINGERPRINT_TAG: "older"}}), Lease(lambda value: None, removing=True)
    assert acquire(removal, store, "") == Acquired("a")
    assert is_being_removed(store.tags["a"]) and LeaseWatch().is_alive("a", store.tags["a"][LEASE_TAG])
    removal.release()
    assert is_being_removed(store.tags["a"]) and not LeaseWatch().is_alive("a", store.tags["a"][LEASE_TAG])


@pytest.mark.parametrize("error, lost", [(OSError("connection reset"), False), (PublishError("not active"), True)])
def test_a_heartbeat_survives_transient_errors_only(
    error: Exception, lost: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "HEARTBEAT_S", 0.001)
    beats = threading.Semaphore(0)

    def write(value: str) -> None:
        beats.release()
        raise error

    mine = Lease(write)
    mine.start_heartbeat()
    assert beats.acquire(timeout=30) and (lost or beats.acquire(timeout=30))
    mine.release()
    assert mine.lost == lost


def test_a_store_that_is_gone_is_not_asked_again_when_an_import_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Client:
        def log_batch(self, run_id: str, tags: list[RunTag]) -> None:
            asked.append((run_id, [(tag.key, tag.value) for tag in tags]))
            asked.append((os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"], os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"]))

    store: Any = SimpleNamespace(client=Client())
    root = LeasedRoot(store, SimpleNamespace(), RunRecord("a", None, "a", "FINISHED", 0, 1, {}), None)  # type: ignore[arg-type]
    root.clear()
    assert asked == []
    root._run_id = "run"
    root.clear()
    assert asked == [("run", [(LEASE_TAG, "")]), ("0", "5")]
