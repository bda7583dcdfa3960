"""A test whose case is the writer `sql` needs an MLflow whose tables that writer knows."""

from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)  # before the rules in tests/conftest.py
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the cases of direct writes."""
    for item in items:
        if item.path.parent != Path(__file__).parent:
            continue
        params = item.callspec.params if hasattr(item, "callspec") else {}
        for value in params.values():
            words = value if isinstance(value, tuple) else str(value).split()
            if "sql" in words:
                item.add_marker(pytest.mark.direct)
