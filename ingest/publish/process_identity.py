"""Identify a process, so that another one on any machine can determine whether it is still running."""

import contextlib
import functools
import os
import socket
from pathlib import Path


@functools.cache
def machine() -> str:
    """The scope of a process id: this boot of this kernel, and this container.

    A host name is not enough: it identifies neither and may not be unique.
    """
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid").strip("pid:[]"))
    return "/".join(parts)


def process_start(pid: int) -> str:
    """When a process of this machine started, in ticks since boot.

    Empty if there is no such process or it is a zombie; "?" if it cannot be determined.
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
