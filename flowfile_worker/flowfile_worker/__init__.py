"""The Worker service: runs engine tasks in warm child processes and keeps their results."""
