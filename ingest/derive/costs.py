"""What the work of an application cost: its tasks, its idle cores and its driver."""

import numpy as np

from ...schemas.prices import DRIVER, IDLE, TASKS, TOTAL, PriceList, Rate
from ..application_view import ApplicationView
from ..arrow import Array
from ..prices import find_rate


class Costs:
    """The costs of one application. Without a price it has none.

    A task costs what its cores cost from its launch to its end. Idle time is the core time of executors in which no
    task ran. So the costs of all stages, of idle time and of the driver add up to the total.
    """

    def __init__(self, app: ApplicationView, prices: PriceList | None) -> None:
        self.rate: Rate | None = None
        if prices is None:
            return
        cores = [row["cores"] for row in app.tables["executors"].to_pylist() if row["cores"]]
        is_local = (app.application["master"] or "").startswith("local")
        self.rate = find_rate(prices, app.properties, sum(cores) / len(cores) if cores else 1.0, is_local)
        self._app = app
        self._core_ms: Array = np.where(app.known("duration_ms"), np.maximum(app.column("duration_ms"), 0), 0)
        self._core_ms = self._core_ms * app.task_cpus

    def of_tasks(self, at: Array) -> dict[str, float]:
        """The cost of the tasks at these rows of the tasks table."""
        return {} if self.rate is None else {TASKS: float(self._core_ms[at].sum()) * self.rate.core_ms}

    def of_application(self) -> dict[str, float]:
        """The total, and the parts of it that are no tasks."""
        if self.rate is None:
            return {}
        app = self._app
        busy = float(self._core_ms.sum())
        idle = max(app.timeline.capacity_ms(app.start_ms, app.end_ms) - busy, 0.0) * self.rate.core_ms
        driver = app.duration_ms * self.rate.driver_ms
        parts = {IDLE: idle, DRIVER: driver} if driver else {IDLE: idle}
        return {TOTAL: busy * self.rate.core_ms + idle + driver, **parts}
