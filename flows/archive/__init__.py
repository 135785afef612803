"""What is kept? Copies of submissions, their judgments, row baselines and approved logos."""
