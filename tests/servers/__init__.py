"""Real servers for tests: started on free ports with data of their own, stopped by process id."""
