"""Run tree -> MLflow. One plan of what to write, one interface, one module per writer.

`mlflow` is imported by the writers only, when one is opened.
"""

from .interface import Published, Writer
from .open import open_writer
from .publish import fingerprint, publish

__all__ = ["Published", "Writer", "fingerprint", "open_writer", "publish"]
