"""What is sent to the carrier: jobs, plans, batches."""
