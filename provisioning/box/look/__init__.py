"""Looking at boxes: two builds compared, and two boxes compared.

Nothing here is part of the box's key.
"""
