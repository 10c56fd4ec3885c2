"""Nodes, graph, schema prediction, planning and export to Python: a pure library."""
