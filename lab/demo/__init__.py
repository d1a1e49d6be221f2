"""The three demonstrations: one fault each, and what both control planes make of it."""
