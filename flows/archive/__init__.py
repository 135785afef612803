"""What is kept? Copies of submissions, their judgments and approved logos."""
