"""The replication of four papers: protocols, statistics, claims, labels and figures."""
