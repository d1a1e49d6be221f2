"""Ways to have machines: create them, find them, cut their power."""
