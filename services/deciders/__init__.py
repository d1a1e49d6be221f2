"""The two programs that decide for the whole lab: scheduler and node controller.

They speak HTTP to the state server, as any other client does. Standard library only.
"""
