"""Forms: what may be entered on a page, and how it becomes the fields of a service."""
