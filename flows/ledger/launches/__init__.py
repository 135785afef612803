"""What goes to the carrier: jobs, the batches of a launch, and what is recorded about them."""
