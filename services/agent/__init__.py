"""One node's part of the pull mode: one pass, then exit. Standard library only."""
