"""Taxonomies every installation needs, and records of a demonstration. Nothing of the product imports this package."""
