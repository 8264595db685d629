"""Pages: one blueprint per noun. A view validates, calls a service or a query, and renders."""
