"""The box that `lab bench up --baseline` measures against: Debian as it comes, nothing trimmed."""
