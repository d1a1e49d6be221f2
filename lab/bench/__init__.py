"""Measure the lab: how fast it comes up, and how fast it converges."""
