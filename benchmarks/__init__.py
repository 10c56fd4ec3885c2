"""How fast Flowfile is, measured side by side with hand-written Polars."""
