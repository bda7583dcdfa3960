"""Where a thread is: in which search, trial, fit or run. Threads that MLlib starts itself are found by uid."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .job_properties import Marks


@dataclass(slots=True, eq=False)
class Frame:
    """A search, a trial or a plain fit that is going on.

    `loss` and `figures` are gathered here from all estimators fitted inside it, under the names of their stages.
    """

    kind: str  # tuning | trial | estimator
    id: str
    uid: str
    names: Mapping[str, str]  # uid -> stage name, of the estimator and all below it
    start_ms: int
    run: str | None = None
    marks: Marks | None = None
    tuning: "Tuning | None" = None  # of a trial
    fold: int | None = None
    trial: int | None = None
    evaluate_ms: int | None = None
    loss: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Tuning(Frame):
    """A search: what its trials need."""

    session: Any = None
    fits: int = 0  # folds times param maps
    folds_begun: int = 0
    fits_ended: int = 0
    lock: Any = field(default_factory=threading.Lock)


class _Here(threading.local):
    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.runs: list[str] = []


here = _Here()
_active: list[Frame] = []
_lock = threading.Lock()


@contextmanager
def opening(frame: Frame) -> Iterator[None]:
    """The thread is inside it from now on; if what is done to open it fails, it is as if it had never been."""
    here.frames.append(frame)
    with _lock:
        _active.append(frame)
    try:
        yield
    except BaseException:
        pop(frame)
        if frame.marks is not None:
            frame.marks.end()
        raise


def pop(frame: Frame) -> None:
    """The thread has left it; whatever was left open above it is left too."""
    if frame in here.frames:
        del here.frames[here.frames.index(frame) :]
    with _lock:
        if frame in _active:
            _active.remove(frame)


def top() -> Frame | None:
    """The innermost frame of this thread."""
    return here.frames[-1] if here.frames else None


def current_run() -> str | None:
    """Id of the innermost annotate.run: the thread's own, else its search's or fit's."""
    frame = top()
    return here.runs[-1] if here.runs else frame.run if frame else None


def owners(uid: str) -> list[Frame]:
    """Frames, of any thread, that this estimator is a part of: OneVsRest fits its classifier on threads of its own.

    Trials before the searches and fits around them.
    """
    with _lock:
        found = [frame for frame in _active if uid in frame.names]
    return [frame for frame in found if frame.kind == "trial"] or found[-1:]
