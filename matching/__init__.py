"""Matching of technical needs with capabilities: the domain, without web framework or queue."""
