"""The subcommands of `crnn`, one a module."""
