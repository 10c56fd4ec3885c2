"""The graph of a flow: steps, edges, parameters, prediction, fingerprints and the file they are kept in."""
