"""Ways to hurt the lab, and to undo it."""
