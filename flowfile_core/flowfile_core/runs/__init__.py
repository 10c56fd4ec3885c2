"""Runs: started here, done by the Worker, kept in the database."""
