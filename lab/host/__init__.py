"""The ground that the machines stand on: namespace, libvirt, networks, keys, accelerator."""
