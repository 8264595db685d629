"""Judged pairs over the demonstration's posts: the quality set of the tests."""
