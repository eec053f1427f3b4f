"""The gunicorn worker and its settings."""
