"""What really happened in a run: one append-only record, and nothing beside it."""
