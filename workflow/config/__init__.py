"""Typed configuration: a file per stage, put together in `model`."""
