"""The two control planes as this machine sees them: APIs, status, drain, tokens."""
