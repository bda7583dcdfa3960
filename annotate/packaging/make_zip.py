"""Write the modules of spark-afterglow-annotate into one zip for `spark-submit --py-files`.

python annotate/packaging/make_zip.py dist/spark-afterglow-annotate.zip
"""

import sys
import zipfile
from pathlib import Path

from backend import schema_files

ANNOTATE = Path(__file__).resolve().parent.parent


def make_zip(path: Path) -> None:
    """Write the zip. It has entries for folders, without which zipimport finds no namespace package."""
    modules = {f"afterglow/annotate/{file.name}": file for file in sorted(ANNOTATE.glob("*.py"))}
    modules.update((f"afterglow/schemas/{file.name}", file) for file in schema_files())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder in ("afterglow/", "afterglow/annotate/", "afterglow/schemas/"):
            archive.writestr(folder, "")
        for name, file in modules.items():
            archive.write(file, name)


if __name__ == "__main__":
    made = Path(sys.argv[1])
    made.parent.mkdir(parents=True, exist_ok=True)
    make_zip(made)
    print(made)
