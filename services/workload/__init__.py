"""What a container runs. Standard library only, and as little of it as possible.

An emulated node runs a third of a billion instructions a second, and a container has a quarter of
a second to start. Python itself takes 21 million instructions; `import socket` would add 31,
`import typing`, `enum`, `re` or `json` 10 to 40 each. So these modules use `_socket`, plain
classes and no annotations that need an import. A test lists the modules that may be loaded.
"""
