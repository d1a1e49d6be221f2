"""What the host needs before a lab can run on it: packages, a folder, a Python environment."""
