"""Fractional moment-preserving initialization schemes (Gurbuzbalaban & Hu 2021)."""
