"""Initialization of ReLUs for dynamical isometry (Burkholz & Dubatovka 2019)."""
