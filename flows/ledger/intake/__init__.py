"""What has arrived, and who works on it: drops, leases, submissions."""
