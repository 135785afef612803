"""What has arrived: drops in the inbox, the leases for taking them, and submissions."""
