"""The routes: JSON API, compatible APIs, page, corrections."""
