"""`make golden`: writes the expected tables and runs of every sample anew. Read the diff before you commit it."""

import shutil

from tests.conftest import sample_log, sample_names
from tests.golden.snapshot import golden, snapshot


def main() -> None:
    shutil.rmtree(golden(""), ignore_errors=True)
    for name in sample_names():
        golden(name).mkdir(parents=True)
        for file, text in snapshot(sample_log(name)).items():
            (golden(name) / file).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
