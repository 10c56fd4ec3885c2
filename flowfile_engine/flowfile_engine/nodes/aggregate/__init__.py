"""Node types of the group `aggregate`."""
