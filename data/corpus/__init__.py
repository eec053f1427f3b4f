"""Texts to render: fetched by package name, extracted, cleaned and split."""
