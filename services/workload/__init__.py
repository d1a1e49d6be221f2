"""What a container runs. Standard library only, and as little of it as possible.

Python takes 21 million instructions to start; a container takes 5 million more until it serves.
`import socket` would add 31 million, and `typing`, `enum`, `re` or `json` 14 to 33 each. So these
modules use `_socket`, plain classes, and no annotation that needs an import. A test lists the
modules that may be loaded; docs/vms.md says what else a start is made of.
"""
