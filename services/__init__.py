"""Everything that runs inside the VMs."""
