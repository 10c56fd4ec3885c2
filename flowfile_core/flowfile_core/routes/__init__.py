"""The HTTP routes: a thin layer over the services."""
