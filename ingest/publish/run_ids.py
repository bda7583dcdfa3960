"""Run ids derived from keys, so that whoever imports a log derives the same ones."""

import hashlib

_PLACES = 2**80


def derived_id(experiment_id: int, root: str, key: str) -> str:
    """The id of the run with this key in the tree of the application run `root`: 32 hexadecimal digits.

    The first 12 are those of the application. The other 20 are those of the run's place in the tree, plus its number
    there, modulo 2^80. Both digests cover the experiment and the root's key. So two runs of one application have the
    same id with a probability of 2^-80, and two runs of different applications with one of 2^-128.

    Every index of MLflow's tables ends in run ids. This way an application's rows are side by side in it, and the tasks
    of a stage in the order in which they are written, instead of a page to be read and written for each row.
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
