"""Invariance of weight distributions in rectified MLPs (Tsuchida, Roosta-Khorasani & Gallagher 2018)."""
