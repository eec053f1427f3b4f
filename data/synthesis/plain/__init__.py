"""Plain test pages, whose every line is known."""
