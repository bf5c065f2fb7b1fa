"""Replication of the constructed activations: exact and fitted."""
