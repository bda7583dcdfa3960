"""Run ids that are derived from keys, so that whoever imports a log makes the same ones."""

import hashlib

_NUMBERS = 2**31


def derived_id(experiment_id: int, key: str) -> str:
    """32 hexadecimal digits: 12 that an application's runs share, 12 that those under one place in its tree share, and
    the run's number there, or what stands for its name.

    Every index of MLflow's tables ends in run ids. Those of one application lie side by side in it this way, the tasks
    of a stage in the order in which they are written, instead of a page to be read and written for each row.
    """
    place, _, last = key.rpartition("/")
    if last.isascii() and last.isdigit() and str(int(last)) == last and int(last) < _NUMBERS:
        number = int(last)
    else:
        number = _NUMBERS + int(_digits(key, 8), 16) % _NUMBERS
    application = _digits(f"{experiment_id}/" + key.split("/")[0], 12)
    return application + _digits(f"{experiment_id}/{place}", 12) + f"{number:08x}"


def _digits(text: str, count: int) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:count]
