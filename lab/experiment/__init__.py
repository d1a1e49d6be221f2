"""Experiments: what is done to the lab, what is expected, and what came of it."""
