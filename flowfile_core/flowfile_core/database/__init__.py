"""The database: people, flows opened, runs and their logs. SQLite in the data folder, or PostgreSQL by its URL."""
