"""Derive run ids from keys, so that every import of a log derives the same ids."""

import hashlib

_PLACES = 2**80


def derived_id(experiment_id: int, root: str, key: str) -> str:
    """The id of the run with this key in the tree of the application run `root`: 32 hexadecimal digits.

    The first 12 are those of the application. The other 20 are those of the run's place in the tree, plus its number
    there, modulo 2^80. Both digests cover the experiment and the root's key. So two runs of one application have the
    same id with a probability of 2^-80, and two runs of different applications with one of 2^-128.

    Every index of MLflow's tables ends in run ids. With these ids an application's rows are adjacent in the index, and
    a stage's tasks are in writing order. Random ids would read and write a page for each row.
    """
    place, _, last = key.rpartition("/")
    if last.isascii() and last.isdigit() and len(last) < 20 and str(int(last)) == last:
        position = _number(20, experiment_id, root, "numbered", place) + int(last)
    else:
        position = _number(20, experiment_id, root, "named", key)
    return f"{_number(12, experiment_id, root):012x}{position % _PLACES:020x}"


def _number(digits: int, *parts: object) -> int:
    text = "\0".join(map(str, parts))
    return int(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:digits], 16)
