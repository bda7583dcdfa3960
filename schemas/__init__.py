"""Declarations: the events that are read, tables, issues, findings and runs. No code that does anything."""
