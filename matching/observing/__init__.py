"""What the product tells of itself: logs and metrics, without personal data."""
