"""Sample data, and example flows over it with their expected answers."""
