"""Propagation: the two-layer study, the depth study, correlations of images."""
