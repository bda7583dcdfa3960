"""A job's process: run as it is, with what is sent to us passed on, and its exit code as a shell would give it."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence

from ..errors import InputError

MOMENT_S = 0.5
PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def run_child(command: Sequence[str], environment: Mapping[str, str], moment: Callable[[], object]) -> int:
    """Runs the command with our own standard streams and open files, and waits for it; its exit code, 128 + n where
    signal n ended it. `moment` is called about every MOMENT_S seconds meanwhile.

    A signal somebody sends to this process is sent to the child. One from the terminal (Ctrl-C) has reached the child
    already, as it is of the same process group. What this process was told to ignore (nohup) stays ignored in both.

    Raises:
        InputError: there is no such program, or it may not be run.
    """
    ours = {one for one in PASSED_ON if signal.getsignal(one) is not signal.SIG_IGN}
    code = _waited(command, environment, moment, ours) if hasattr(signal, "sigtimedwait") else None
    if code is None:
        code = _handled(command, environment, moment, ours)
    return code if code >= 0 else 128 - code


def _waited(
    command: Sequence[str], environment: Mapping[str, str], moment: Callable[[], object], ours: set[signal.Signals]
) -> int:
    # Blocked and waited for, since only siginfo says who sent a signal; a handler is not told.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ours | {signal.SIGCHLD})
    try:
        child = _start(command, environment, lambda: signal.pthread_sigmask(signal.SIG_SETMASK, before))
        while child.poll() is None:
            came = signal.sigtimedwait(ours | {signal.SIGCHLD}, MOMENT_S)
            if came is not None and came.si_signo in ours and came.si_code <= 0:  # SI_USER, SI_QUEUE, SI_TKILL
                child.send_signal(came.si_signo)
            moment()
        return child.returncode
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _handled(
    command: Sequence[str], environment: Mapping[str, str], moment: Callable[[], object], ours: set[signal.Signals]
) -> int:
    """Where the system has no sigtimedwait (macOS): an interrupt goes to the child unless a terminal is in front."""
    early: list[int] = []
    before = {one: signal.signal(one, lambda number, _: early.append(number)) for one in ours}
    try:
        child = _start(command, environment, None)

        def pass_on(number: int, _: object) -> None:
            if number not in (signal.SIGINT, signal.SIGQUIT) or not os.isatty(0):
                child.send_signal(number)

        for one in ours:
            signal.signal(one, pass_on)
        for number in early:
            pass_on(number, None)
        while True:
            try:
                return child.wait(MOMENT_S)
            except subprocess.TimeoutExpired:
                moment()
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _start(
    command: Sequence[str], environment: Mapping[str, str], first: Callable[[], object] | None
) -> subprocess.Popen[bytes]:
    try:
        # close_fds: what a shell opened for the job (`3> file`) is the job's; Python's own files close by themselves
        return subprocess.Popen(command, env=environment, close_fds=False, preexec_fn=first)
    except FileNotFoundError as error:
        if error.filename != command[0]:
            raise
        raise InputError(f"{command[0]}: no such program; is its folder on the PATH (for Spark: bin)?") from None
    except PermissionError:
        raise InputError(f"{command[0]}: may not be run; is it an executable file?") from None
