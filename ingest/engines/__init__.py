"""Engines read and import many logs: the processes of this machine, or a Spark cluster."""
