"""Runs on every machine: says what of the lab really runs there, and since when."""
