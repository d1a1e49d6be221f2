"""The user's tool. Runs on your machine and speaks HTTP and SSH to what runs in the VMs."""
