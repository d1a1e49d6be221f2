"""`lab soak`: cold `up` and `down` in a row, without a hand."""
