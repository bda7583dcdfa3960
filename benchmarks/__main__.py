"""The benchmarks: `python -m benchmarks [reading] [publishing] [backfilling] [cluster] [seeded]
[recurring] [what_if] [proposed_settings] [--only ...]`.

`make bench` runs them all.
"""

import argparse

from . import backfilling, cluster, proposed_settings, publishing, reading, recurring, what_if
from . import seeded_faults as seeded

PARTS = {
    "reading": reading.main,
    "publishing": publishing.main,
    "backfilling": backfilling.main,
    "cluster": cluster.main,
    "seeded": seeded.main,
    "recurring": recurring.main,
    "what_if": what_if.main,
    "proposed_settings": proposed_settings.main,
}


def main() -> None:
    """Runs the parts that are asked for, all by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], default=[])
    parser.add_argument("--only", help="one of a part's measurements")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    for name in given.parts or PARTS:
        PARTS[name](given.only, given.repeats)


if __name__ == "__main__":
    main()
