"""Training of the shipped models; needs the `dev` extra (accelerate, datasets)."""
