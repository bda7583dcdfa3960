"""Switching on and off."""

from . import event_queue as outbox
from . import import_on_stop as on_stop
from . import monkeypatch as patches
from .active_run import active_run_id
from .fits import around_fit
from .never_raise import forget, guarded, say_once
from .searches import around_fold, around_search
from .switch import is_on, turn


def autolog(*, import_on_stop: bool = False) -> None:
    """Annotate every MLlib search and fit from now on, in this process. Never raises; again is the same as once.

    With `import_on_stop` the event log is imported when the SparkContext stops or the process ends: by a process of
    its own, to mlflow's tracking URI and experiment as they are then. What came of it is said once, on stderr.
    """
    if not is_on():
        _install()
    if import_on_stop:
        on_stop.turn_on()


def disable() -> None:
    """Write what still waits, and put pyspark back as it was. Never raises."""
    turn(False)
    on_stop.turn_off()
    _write()
    patches.restore()
    forget()


@guarded
def _install() -> None:
    from pyspark.ml import tuning
    from pyspark.ml.base import Estimator

    try:
        patches.replace(Estimator, "fit", around_fit)
        patches.replace(tuning, "_parallelFitTasks", around_fold)
        patches.replace(tuning.CrossValidator, "_fit", around_search)
        patches.replace(tuning.TrainValidationSplit, "_fit", around_search)
        patches.write_before_stop()
    except AttributeError as error:
        patches.restore()
        say_once("version", f"this pyspark is not one that annotate knows ({error}); nothing is annotated.")
        return
    turn(True)
    active_run_id()


@guarded
def _write() -> None:
    outbox.flush()
