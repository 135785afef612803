"""What is in the inbox, and is it complete? Scans the inbox and claims the drops that have settled."""
