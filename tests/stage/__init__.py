"""The stage: the view, the server, the page."""
