"""The native scanner: task events and SQL plans from text to columns."""
