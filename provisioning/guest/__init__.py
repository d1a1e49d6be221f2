"""What turns a bare Debian into a lab machine: the same for the box and for a running VM."""
