"""What the jobs beside it run."""
