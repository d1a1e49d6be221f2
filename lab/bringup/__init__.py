"""Bring the lab up and take it down, phase by phase."""
