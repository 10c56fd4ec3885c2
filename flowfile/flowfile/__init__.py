"""Flowfile for people who type: the command line and the Python frame API."""
