"""The agent of one node in the pull mode. Standard library only: a timer starts it all day long."""
