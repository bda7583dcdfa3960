"""Conditions for tags in the filter language of MLflow's search, which cannot escape quotes."""

import os
import re
from collections.abc import Collection

_UNQUOTABLE = re.compile(r"""['"\\`]""")


def condition(tag: str, value: str) -> str:
    """A search condition for a tag with this value.

    The filter language cannot escape quotes. A value with a quote may match other values, so the caller must compare.
    """
    if not _UNQUOTABLE.search(value):
        return f"tags.`{tag}` = '{value}'"
    return f"tags.`{tag}` LIKE '{_UNQUOTABLE.sub('_', value)}'"


def prefix_condition(tag: str, values: Collection[str]) -> str:
    """A search condition for a tag that has one of these values, and for others that begin with the same letters."""
    common = _UNQUOTABLE.split(os.path.commonprefix(list(values)))[0]  # noqa: RUF071 - letters, not folders
    return f"tags.`{tag}` LIKE '{common}%'"
