"""A lab in one file, for a place without internet: box, wheels, chapters, with a SHA-256 each.

`contents` is what a bundle says of itself, `archive` the file, `pack` and `unpack` the two ways.
Standard library only: `make venv BUNDLE=FILE` runs this before there is a Python environment.
"""
