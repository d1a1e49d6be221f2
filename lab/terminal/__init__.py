"""What a person at the terminal sees and types: progress, tables, words of commands."""
