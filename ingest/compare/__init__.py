"""Two applications -> what got slower, which findings are new, and a verdict."""
