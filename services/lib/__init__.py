"""Small tools that several rooms share. Standard library only, since agents import them."""
