"""Tests of afterglow.ingest.codecs."""
