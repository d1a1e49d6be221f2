"""Everything that decides: pure functions over immutable values.

Nothing in this package may act: no files, no network, no clock, no randomness,
no logging. Callers hand in what was observed and perform what comes back.
"""
