"""Experiments: what they say, how they run, and what their histories prove."""
