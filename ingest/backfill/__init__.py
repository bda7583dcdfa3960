"""Folders of logs: which logs to import, and what was imported before."""
