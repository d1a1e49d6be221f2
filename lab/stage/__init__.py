"""What the room sees, and what the speaker holds: the live page, and the demonstrations."""
