"""The box: a small Debian guest, built from Debian's packages and locked wheels."""
