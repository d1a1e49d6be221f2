"""What an operator sees of an API: request ids, logs and metrics. Knows no server and no route."""
