"""Run a command in the foreground: pass signals on to it, and return its exit code as a shell would."""

import errno
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence

from ..errors import InputError

POLL_S = 0.5
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def run_command(command: Sequence[str], environment: Mapping[str, str], poll: Callable[[], object]) -> int:
    """Runs a command with this process's standard streams and open files. Returns its exit code, or 128 + n if signal n
    ended it. Calls `poll` about every POLL_S seconds.

    A signal that another process sends to this one is sent to the child. One from the terminal (Ctrl-C) has reached the
    child already, which is in the same process group. A signal that this process ignores (nohup) is ignored in both.

    Raises:
        InputError: there is no such program, or it may not be run.
    """
    passed_on = {one for one in SIGNALS if signal.getsignal(one) is not signal.SIG_IGN}
    code = _run_waiting(command, environment, poll, passed_on) if hasattr(signal, "sigtimedwait") else None
    if code is None:
        code = _run_with_handlers(command, environment, poll, passed_on)
    return code if code >= 0 else 128 - code


def _run_waiting(
    command: Sequence[str], environment: Mapping[str, str], poll: Callable[[], object], passed_on: set[signal.Signals]
) -> int:
    # Signals are blocked and waited for, since a handler does not get siginfo, which says who sent a signal.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, passed_on | {signal.SIGCHLD})
    try:
        child = _start(command, environment, lambda: signal.pthread_sigmask(signal.SIG_SETMASK, before))
        while child.poll() is None:
            came = signal.sigtimedwait(passed_on | {signal.SIGCHLD}, POLL_S)
            if came is not None and came.si_signo in passed_on and came.si_code <= 0:  # SI_USER, SI_QUEUE, SI_TKILL
                child.send_signal(came.si_signo)
            poll()
        return child.returncode
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _run_with_handlers(
    command: Sequence[str], environment: Mapping[str, str], poll: Callable[[], object], passed_on: set[signal.Signals]
) -> int:
    """For systems without sigtimedwait (macOS): passes an interrupt on unless it comes from a terminal."""
    early: list[int] = []
    before = {one: signal.signal(one, lambda number, _: early.append(number)) for one in passed_on}
    try:
        child = _start(command, environment, None)

        def pass_on(number: int, _: object) -> None:
            if number not in (signal.SIGINT, signal.SIGQUIT) or not os.isatty(0):
                child.send_signal(number)

        for one in passed_on:
            signal.signal(one, pass_on)
        for number in early:
            pass_on(number, None)
        while True:
            try:
                return child.wait(POLL_S)
            except subprocess.TimeoutExpired:
                poll()
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _start(
    command: Sequence[str], environment: Mapping[str, str], first: Callable[[], object] | None
) -> subprocess.Popen[bytes]:
    try:
        # close_fds: files that a shell opened for the job (`3> file`) are passed on; Python's own are not inheritable
        return subprocess.Popen(command, env=environment, close_fds=False, preexec_fn=first)
    except FileNotFoundError as error:
        if error.filename != command[0]:
            raise
        raise InputError(f"{command[0]}: no such program; add its folder to PATH (for Spark: the folder bin)") from None
    except OSError as error:
        if not isinstance(error, PermissionError) and error.errno != errno.ENOEXEC:
            raise
        raise InputError(f"{command[0]}: cannot be executed; check that it is a program and its permissions") from None
