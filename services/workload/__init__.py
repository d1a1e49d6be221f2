"""What a container runs: standard library only, and as little of that as will do."""
