"""The declarative control plane's state server: it stores what is wanted and decides nothing."""
