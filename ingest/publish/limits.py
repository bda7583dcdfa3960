"""Cut and rename names and values to MLflow's limits, deterministically and never silently."""

import hashlib
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from ...schemas import mlflow as limits
from ...schemas.issues import ImportIssue
from ..control_characters import replace_controls

# mlflow.utils.validation.validate_param_and_metric_name, path_not_unique
_REFUSED = re.compile(r"[^/\w.\- :]", re.ASCII)
_FIRST_WITH_COLONS = (2, 16)  # the oldest MLflow seen to take them; 2.11 refuses them
_FIRST_WITH_LONG_TAGS = (3, 0)  # 2.16 takes no more than MAX_TAG_VALUE_BEFORE_3
_DIGITS = 20  # 80 bits: two names of one application never become one


@dataclass(slots=True)
class LimitEnforcer:
    """Cut and rename texts to the limits of an MLflow, and keep one issue per changed text.

    `version` is that of the MLflow that checks them, such as (3, 17). The newest one's limits are used if it is ().
    """

    version: tuple[int, ...] = ()
    issues: dict[tuple[str, str], ImportIssue] = field(default_factory=dict)

    def key(self, name: str) -> str:
        """A metric, param or tag name that MLflow accepts. A changed name ends in a digest of the original."""
        safe = safe_name(name, not self.version or self.version >= _FIRST_WITH_COLONS)
        if safe != name:
            self.issues["name_changed", name] = ImportIssue("name_changed", f"{_short(name)} is written as {safe!r}")
        return safe

    def accepts(self, names: tuple[str, ...]) -> bool:
        """Whether `key` and `distinct_names` leave all of these names as they are, which is the usual case."""
        return _are_written_unchanged(names, not self.version or self.version >= _FIRST_WITH_COLONS)

    def text(self, what: str, value: str, at_most: int) -> str:
        """A value cut to `at_most` characters, with an ellipsis if it was cut.

        Control characters are replaced: a terminal would interpret them, and PostgreSQL rejects NUL. Lone surrogates
        are replaced too, since no database accepts them.
        """
        if len(value) <= at_most and value.isascii() and value.isprintable():
            return value
        value = replace_controls(value)
        if not value.isascii():
            value = value.encode("utf-8", "replace").decode("utf-8")
        if len(value) <= at_most:
            return value
        message = f"{what} of {len(value):,} characters was cut to {at_most:,}: {_short(value)}"
        self.issues["text_cut", f"{what} {value}"] = ImportIssue("text_cut", message)
        return value[: at_most - 1] + "…"

    def param(self, value: str) -> str:
        """A param's value."""
        return self.text("a param", value, limits.MAX_PARAM_VALUE)

    def tag(self, value: str) -> str:
        """A tag's value."""
        is_new = not self.version or self.version >= _FIRST_WITH_LONG_TAGS
        return self.text("a tag", value, limits.MAX_TAG_VALUE if is_new else limits.MAX_TAG_VALUE_BEFORE_3)

    def user(self, value: str) -> str:
        """A user's name, which has its own column."""
        return self.text("a user's name", value, limits.MAX_USER)

    def run_name(self, value: str) -> str:
        """A run's name, on one line."""
        return self.text("a run's name", " ".join(value.split()) or "unnamed", limits.MAX_RUN_NAME)


@lru_cache(1_000)
def distinct_names(names: tuple[str, ...]) -> Mapping[str, str]:
    """Name -> the name to write.

    MySQL treats names that differ only in case or trailing blanks as equal, so all but the first of them end in a
    digest.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        seen = name.rstrip().lower()
        found[name] = name if seen not in taken else _with_digest(name, name)
        taken.add(found[name].rstrip().lower())
    return found


@lru_cache(10_000)
def safe_name(name: str, colons: bool = True) -> str:
    """The name to write, with colons or without: equal for equal names, different for different names."""
    known = _REFUSED.sub("_", name) if colons else _REFUSED.sub("_", name).replace(":", "_")
    safe = posixpath.normpath(known).lstrip("/")
    safe = safe if safe not in ("", ".") and not safe.startswith("..") else "_" + safe.strip("./")
    if safe == name and len(name) <= limits.MAX_KEY:
        return name
    return _with_digest(safe, name)


@lru_cache(1_000)
def _are_written_unchanged(names: tuple[str, ...], colons: bool) -> bool:
    return all(safe_name(name, colons) == name == written for name, written in distinct_names(names).items())


def _with_digest(safe: str, name: str) -> str:
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    return f"{safe[: limits.MAX_KEY - 1 - _DIGITS].rstrip('/ ')}_{digest}"


def _short(text: str, at_most: int = 60) -> str:
    return repr(text if len(text) <= at_most else text[:at_most] + "…")
