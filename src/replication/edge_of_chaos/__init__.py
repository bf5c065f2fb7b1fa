"""Edge of Chaos: maps, curves, exact points, depth scales, initialization schemes in one view."""
