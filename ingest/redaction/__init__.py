"""Secrets out of whatever was read of a log: texts, properties, tables."""
