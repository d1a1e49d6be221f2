"""Looking at boxes: two builds compared, two boxes compared, and what is in one.

Nothing here is part of the box's key.
"""
