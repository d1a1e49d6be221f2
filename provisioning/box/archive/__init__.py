"""What Debian's archive is asked: which packages there are, and their files.

Nothing of this is part of the box's key: the lock's hashes say all that came of it.
"""
