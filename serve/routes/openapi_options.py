"""What a client may ask for in reading, in JSON Schema: part of `serve.routes.openapi_schemas`."""

from __future__ import annotations

from typing import Any

from crnn.decoding.decoder import METHODS
from crnn.decoding.hot_words import MAX_BOOST
from crnn.page import MIN_CONFIDENCE, TURNS
from serve.base.config import ServeConfig
from serve.engine.options import AUTO, LAYOUTS, LONGEST_HOTWORD, MOST_ALLOWED, MOST_HOTWORDS


def options(config: ServeConfig) -> dict[str, dict[str, Any]]:
    """What a client may ask for, by name: see `serve.engine.options.Options`."""
    flag = {"type": "boolean", "default": True}
    return {
        "layout": {
            "enum": list(LAYOUTS),
            "default": "auto",
            "description": "auto finds the lines; line takes the whole picture for one",
        },
        "turn": {
            "enum": [AUTO, *map(str, TURNS)],
            "default": AUTO,
            "description": "degrees clockwise that bring a page upright; auto finds out",
        },
        "chars": {**flag, "description": "tell each character's place and confidence"},
        "paragraphs": {**flag, "default": False, "description": "the text has a paragraph a row instead of a line"},
        "min_confidence": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": MIN_CONFIDENCE,
            "description": "lines of a page read with less are left out",
        },
        "cache": {**flag, "description": "a result computed earlier will do, and this one may be kept"},
        "deadline_ms": {"type": "integer", "minimum": 1, "maximum": config.deadline_ms},
        "decode": {
            "enum": list(METHODS),
            "default": METHODS[0],
            "description": "beam weighs hotwords and the server's language model; greedy is faster",
        },
        "allow": {
            "type": "string",
            "maxLength": MOST_ALLOWED,
            "default": "",
            "description": "characters that alone may be read; empty for all",
        },
        "hotwords": {
            "type": "object",
            "propertyNames": {"minLength": 1, "maxLength": LONGEST_HOTWORD},
            "additionalProperties": {"type": "number", "exclusiveMinimum": 0, "maximum": MAX_BOOST},
            "maxProperties": MOST_HOTWORDS,
            "default": {},
            "description": "for decode beam: likely words and their boosts, nats a character; 1.5 is mild",
        },
    }
