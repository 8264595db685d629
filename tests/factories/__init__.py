"""Makes the things tests are about, through the services that make them in life."""
