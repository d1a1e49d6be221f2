"""`lab soak`: cold `up` and `down` in a row, or a healthy lab watched; without a hand."""
