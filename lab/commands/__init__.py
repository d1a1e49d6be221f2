"""One module per family of commands: parse, call, print. Decisions are elsewhere."""
