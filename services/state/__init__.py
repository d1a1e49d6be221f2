"""The state of the pull mode: keys with revisions, and containers, nodes and events over them."""
