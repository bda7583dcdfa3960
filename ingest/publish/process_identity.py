"""Names a process so that another one, on this machine or elsewhere, can tell whether it still runs."""

import contextlib
import functools
import os
import socket
from pathlib import Path


@functools.cache
def machine() -> str:
    """Within what a process id means something: this boot of this kernel, and this container on it.

    A host's name says neither, and several hosts may have it.
    """
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid").strip("pid:[]"))
    return "/".join(parts)


def process_start(pid: int) -> str:
    """When a process of this machine started, in ticks since boot.

    Empty where there is no such process, or only a dead one that its parent has not waited for; "?" where it cannot be
    known.
    """
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
