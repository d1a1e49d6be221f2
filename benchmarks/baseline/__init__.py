"""What the lab is measured against: plain `vagrant up` with Debian as it comes, nothing trimmed."""
