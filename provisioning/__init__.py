"""How the services get onto the machines: the box, the guests' set-up, and the host's."""
