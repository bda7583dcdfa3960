"""`python -m afterglow.ingest.commands`, where the console script is not on the path."""

from . import main

main()
