"""`python -m afterglow.ingest.cli`, where the console script is not on the path."""

from . import main

main()
