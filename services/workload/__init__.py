"""What a container runs: standard library only, and as little of that as will do.

No pathlib, no json before it serves: each costs an emulated guest 50 to 100 ms of every start.
"""
