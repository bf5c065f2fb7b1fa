"""The stage density: law of the factor Y of each weight law."""
