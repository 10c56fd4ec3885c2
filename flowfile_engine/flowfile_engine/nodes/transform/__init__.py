"""Node types of the group `transform`."""
