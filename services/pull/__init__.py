"""The declarative control plane: a state server that decides nothing, and two that decide."""
