"""Celery over Redis: the work that commits owe, and what the calendar asks for."""
