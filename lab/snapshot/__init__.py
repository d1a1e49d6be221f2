"""The whole lab in a folder: memory and disks of all machines at one instant, and back again.

`store` keeps such folders, `machines` asks libvirt for their content, `hold` keeps the guests
still meanwhile; `freeze` and `thaw` put these together.
"""
