"""The tasks of `fab`, thin over the commands of `lab`; tasks.py gives them their names."""
