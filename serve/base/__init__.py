"""Settings, errors, logs, metrics and SQLite: what the other parts of the server stand on."""
