"""The subcommands of `duijie`, one module a noun; each is imported only when it is called."""
