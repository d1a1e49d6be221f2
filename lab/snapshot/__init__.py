"""The whole lab in a folder: memory and disks of all machines at one instant, and back again.

`store` has such folders, `machines` asks libvirt for their content, `pause` makes the guests stand
still meanwhile; `freeze` and `thaw` use these.
"""
