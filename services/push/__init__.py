"""The imperative control plane: one API that decides everything and does it over SSH.

Compare push.py with services/agent/tick.py: there is no desired state here, and no loop.
"""
