"""Who writes a tree: claims of the living and the dead, and processes that lose theirs."""

import os
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from afterglow.ingest import PublishError
from afterglow.ingest.publish import lease as claims
from afterglow.ingest.publish.lease import Claim, Watch, hold
from afterglow.schemas.runs.params_tags import FINGERPRINT_TAG, LEASE_TAG


@dataclass
class Store:
    """Active root runs, as the tracking API shows them."""

    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    made: int = 0

    def look(self) -> list[Any]:
        with self.lock:
            return [
                SimpleNamespace(info=SimpleNamespace(run_id=i), data=SimpleNamespace(tags=dict(tags)))
                for i, tags in self.tags.items()
            ]

    def make(self, value: str) -> str:
        with self.lock:
            self.made += 1
            name = f"{hash((self.made, value)) % 10**6:06}-{self.made}"
            self.tags[name] = {LEASE_TAG: value}
            return name

    def say(self, run_id: str, value: str) -> None:
        with self.lock:
            if run_id not in self.tags:
                raise PublishError("must be in the 'active' state")
            self.tags[run_id][LEASE_TAG] = value

    def withdraw(self, run_id: str) -> None:
        with self.lock:
            self.tags.pop(run_id, None)

    def hold(self, claim: Claim) -> tuple[str, bool]:
        return hold(claim, self.look, self.make, self.say, self.withdraw, "this")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "_LOOK_AGAIN_S", 0.01)
    monkeypatch.setattr(claims, "_DEAD_AFTER_S", 0.3)


def claim() -> Claim:
    return Claim(lambda value: None)


def test_of_many_threads_one_at_a_time_holds_a_tree() -> None:
    store, inside, most, done = Store(), [], [], []

    def work() -> None:
        mine = claim()
        root, complete = store.hold(mine)
        assert not complete
        inside.append(root)
        most.append(len(inside))
        threading.Event().wait(0.02)
        inside.remove(root)
        done.append(root)
        mine.release()
        store.say(root, "")

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert set(most) == {1} and len(done) == 12 and len(set(done)) == 1 == len(store.tags)


def test_what_is_complete_is_not_taken() -> None:
    store = Store({"a": {FINGERPRINT_TAG: "this"}})
    assert store.hold(claim()) == ("a", True)
    store = Store({"a": {FINGERPRINT_TAG: "older", LEASE_TAG: ""}})
    assert store.hold(claim()) == ("a", False) and list(store.tags) == ["a"]


def test_a_dead_process_s_claim_is_taken_at_once_and_its_candidate_withdrawn() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    here, started = claims._machine(), claims._started(child.pid)
    token = f"{here}|{child.pid}|{started}|abc|writing|3"
    assert Watch().alive("a", token)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # a zombie that nobody has taken note of
    assert not Watch().alive("a", token)
    child.wait()
    child.stdin.close()  # type: ignore[union-attr]
    assert not Watch().alive("a", token)
    store = Store({"a": {LEASE_TAG: token}, "b": {LEASE_TAG: token.replace("writing", "candidate")}})
    assert store.hold(claim()) == ("a", False) and list(store.tags) == ["a"]


def test_another_machine_s_claim_is_waited_for_until_it_is_silent() -> None:
    token = f"{socket.gethostname()}/other/1|1|77|abc|writing|3"
    store = Store({"a": {LEASE_TAG: token}})
    watch = Watch()
    assert watch.alive("a", token)
    assert store.hold(claim()) == ("a", False)
    assert not watch.alive("a", token)
    assert watch.alive("a", token.replace("|3", "|4"))


def test_a_candidate_made_twice_because_an_answer_was_lost() -> None:
    store, mine = Store(), claim()
    store.make(mine.candidate())
    root, _ = store.hold(mine)
    assert list(store.tags) == [root]


def test_who_is_taken_for_dead_stops() -> None:
    store, mine = Store(), claim()
    say = store.say

    def stalls(run_id: str, value: str) -> None:
        say(run_id, value)
        store.tags[run_id][LEASE_TAG] = "another|1|1|x|writing|1"

    store.say = stalls  # type: ignore[method-assign]
    with pytest.raises(PublishError, match="took the application's run over"):
        store.hold(mine)
