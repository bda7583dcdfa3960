"""Processes without pyspark or a SparkContext, and contexts that annotate supports only in part."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from types import SimpleNamespace
from typing import Any

import pytest

from afterglow import annotate
from afterglow.annotate import event_log, job_properties
from afterglow.annotate.run_context import SparkRunContext


def test_importing_it_imports_neither_pyspark_nor_mlflow() -> None:
    program = """if True:
        import sys
        import afterglow.annotate
        from afterglow.annotate.run_context import SparkRunContext
        provider = SparkRunContext()
        assert provider.in_context() is False and provider.tags() == {}
        assert not {"pyspark", "mlflow", "numpy", "pandas"} & set(sys.modules)
    """
    paths = os.pathsep.join(path for path in sys.path if path)
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, env={**os.environ, "PYTHONPATH": paths})


@pytest.mark.spark
def test_runs_started_beside_a_spark_context_get_its_application_id(spark: Any) -> None:
    provider = SparkRunContext()
    assert provider.in_context() is True
    assert provider.tags() == {"spark.app.id": spark.sparkContext.applicationId}


def test_a_dead_spark_context_has_no_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    class Dead:
        _jsc = object()

        @property
        def applicationId(self) -> str:
            raise ConnectionError("gone")

    monkeypatch.setitem(
        sys.modules, "pyspark", SimpleNamespace(SparkContext=SimpleNamespace(_active_spark_context=Dead()))
    )  # type: ignore[arg-type]
    assert SparkRunContext().in_context() is True and SparkRunContext().tags() == {}


def _context(log: str, gateway: str = "ClientServer") -> Any:
    from collections import defaultdict

    class Any_:
        def __getattr__(self, name: str) -> Any_:
            return self

        def __call__(self, *_: object) -> Any_:
            return self

    return SimpleNamespace(
        _gateway=type(gateway, (), {})(),
        _jvm=Any_(),
        _jsc=Any_(),
        getConf=lambda: defaultdict(lambda: log, {"spark.eventLog.enabled": log}),
    )


@pytest.mark.parametrize(
    ("context", "writes", "message"),
    [
        (_context("false"), True, "spark.eventLog.enabled is not true"),
        (_context("true", "JavaGateway"), False, "PYSPARK_PIN_THREAD is off"),
    ],
)
def test_unsupported_contexts_warn_once(
    monkeypatch: pytest.MonkeyPatch, caught: list[warnings.WarningMessage], context: Any, writes: bool, message: str
) -> None:
    monkeypatch.setitem(
        sys.modules, "pyspark", SimpleNamespace(SparkContext=SimpleNamespace(_active_spark_context=context))
    )  # type: ignore[arg-type]
    for _ in range(3):
        monkeypatch.setattr(event_log, "_known", None)
        assert (event_log.current() is not None) is writes
    assert len(caught) == 1 and message in str(caught[0].message)


def test_spark_connect_without_tags_is_one_warning(caught: list[warnings.WarningMessage]) -> None:
    bare = type("SparkSession", (), {"__module__": "pyspark.sql.connect.session"})()
    assert job_properties.setter(bare, {}) is None and job_properties.setter(bare, {}) is None
    assert len(caught) == 1 and "Nothing is annotated" in str(caught[0].message)


def test_an_unknown_pyspark_is_not_patched(caught: list[warnings.WarningMessage]) -> None:
    from afterglow.annotate import monkeypatch as pyspark_patches

    owner = SimpleNamespace(other=1)
    with pytest.raises(AttributeError):
        pyspark_patches.replace(owner, "fit", lambda original: original)
    annotate.disable()
    assert vars(owner) == {"other": 1} and caught == []
