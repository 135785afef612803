"""What do people see? Writes the reports, receipts and index pages that the outbox lists."""
