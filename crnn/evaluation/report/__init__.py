"""Reports for people: Markdown, plots and pages of the worst lines."""
