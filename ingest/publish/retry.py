"""Retry calls of MLflow and its database on transient errors, until a deadline."""

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import tenacity

from ..errors import PublishError
from ..transient_errors import is_transient
from ..units import seconds
from .error_messages import reason
from .mlflow_http import limit_http_requests
from .mlflow_internals import without_logged_errors

Result = TypeVar("Result")

_SETTING = "AFTERGLOW_RETRY_S"
_LONGEST_REQUEST_S = 60.0
_SHORTEST_REQUEST_S = 10.0


def _log(message: str) -> None:
    logging.getLogger("afterglow").warning(message)


@dataclass(slots=True)
class Notice:
    """Reports once that calls are being retried, until one of them succeeds."""

    write: Callable[[str], None] = _log
    _waiting: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def waits(self, error: BaseException, remaining_s: float) -> None:
        """Called before each wait."""
        with self._lock:
            first, self._waiting = not self._waiting, True
        if first:
            self.write(f"{reason(error)}; retrying for up to {seconds(remaining_s)}, press Ctrl-C to stop")

    def succeeded(self) -> None:
        """Called after each call that succeeded."""
        self._waiting = False


def retry_seconds() -> float:
    """How long a call is retried: AFTERGLOW_RETRY_S, or two minutes.

    Raises:
        PublishError: AFTERGLOW_RETRY_S is not a number of seconds.
    """
    text = os.environ.get(_SETTING) or "120"
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise PublishError(
            f"{_SETTING}={text!r} is not a number of seconds; set it to a number such as 120, or unset it"
        )
    return value


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long a call is retried: until `deadline_s` after its first attempt began, doubling the wait each time.

    One HTTP request may take half of that, but at least 10 s. `notice` reports retries; `clock` and `sleep` can be
    replaced in tests. `stopped` ends retries in other threads, because Ctrl-C reaches only the main thread.
    """

    deadline_s: float = field(default_factory=retry_seconds)
    first_wait_s: float = 0.5
    longest_wait_s: float = 20.0
    notice: Notice = field(default_factory=Notice)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] | None = None
    stopped: threading.Event = field(default_factory=threading.Event)

    def pause(self, wait_s: float) -> None:
        """Wait, until `stopped` is set."""
        (self.sleep or self.stopped.wait)(wait_s)

    @property
    def request_s(self) -> float:
        """How long one HTTP request may take."""
        return max(_SHORTEST_REQUEST_S, min(self.deadline_s / 2, _LONGEST_REQUEST_S))


def retry(call: Callable[[], Result], policy: RetryPolicy) -> Result:
    """Return the result of `call`, retrying it on transient errors.

    Raises:
        Exception: the call's own last error, once the deadline would pass before another attempt.
    """
    began = attempt_began = policy.clock()

    def attempt() -> Result:
        nonlocal attempt_began
        attempt_began = policy.clock()
        return call()

    def out_of_time(state: tenacity.RetryCallState) -> bool:
        now = policy.clock()
        like_the_last = now - attempt_began  # the next attempt may hang for as long as this one
        late = now - began + state.upcoming_sleep + like_the_last > policy.deadline_s
        return late or policy.stopped.is_set()

    def notify(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        if error is not None:
            policy.notice.waits(error, policy.deadline_s - (policy.clock() - began))

    attempts = tenacity.Retrying(
        retry=tenacity.retry_if_exception(is_transient),
        wait=tenacity.wait_exponential(policy.first_wait_s, policy.longest_wait_s)
        + tenacity.wait_random(0, policy.first_wait_s),
        stop=out_of_time,
        before_sleep=notify,
        sleep=policy.pause,
        reraise=True,
    )
    with limit_http_requests(policy.request_s), without_logged_errors():
        result = attempts(attempt)
    policy.notice.succeeded()
    return result
