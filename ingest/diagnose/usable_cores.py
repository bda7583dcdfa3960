"""How many cores tasks can use at once.

A cluster's executors have the cores that they offer. `local[4]` is a number of threads, and the log does not say how
many cores the machine had free for them. Only those count that the tasks used at one time, be it in part.
"""

import math
import re

import numpy as np

from ..application_view import ApplicationView
from ..arrow import Array

_THREADS = re.compile(r"local\[\d+(?:,\s*\d+)?\]")  # org.apache.spark.SparkMasterRegex; local[*] is the machine's cores
_SHARE = 0.01  # of the time with tasks; a moment in which rates of tasks add up by chance does not count


def usable_cores(app: ApplicationView, offered: float) -> float:
    """The cores that tasks could have used of those `offered`; at least 1."""
    shown = app.remember("shown_cores", _shown_cores)
    return offered if shown is None else min(offered, max(math.ceil(shown), 1.0))


def least_ms(app: ApplicationView, rows: Array, cores: float) -> float:
    """How long the work of these tasks takes at least on so many cores, of which only the usable ones compute."""
    return float(app.working_ms[rows].sum()) / usable_cores(app, cores)


def _shown_cores(app: ApplicationView) -> float | None:
    """The cores that tasks computed on at one time, by their CPU time; None where the log says how many there were."""
    if not _THREADS.fullmatch(app.application["master"] or ""):
        return None
    took = app.column("duration_ms").astype(np.float64)
    ran = np.flatnonzero(app.known("duration_ms") & (took > 0))
    rate = np.minimum(app.working_ms[ran] / took[ran], 1.0)
    moments = np.concatenate([app.column("launch_time_ms")[ran], app.ended[ran]]).astype(np.float64)
    changes = np.concatenate([rate, -rate])
    running = np.concatenate([np.ones(len(ran)), -np.ones(len(ran))])
    order = np.argsort(moments, kind="stable")
    lasted = np.diff(moments[order])
    used = np.cumsum(changes[order])[:-1][lasted > 0]
    lasted = np.where(np.cumsum(running[order])[:-1] > 0, lasted, 0.0)[lasted > 0]
    if not lasted.sum():
        return 1.0
    most = np.argsort(-used, kind="stable")
    at = int(np.searchsorted(np.cumsum(lasted[most]), _SHARE * lasted.sum()))
    return float(used[most[min(at, len(most) - 1)]])
