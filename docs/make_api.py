"""Makes docs/api.md from the docstrings of the public classes and the server's OpenAPI: `python docs/make_api.py`."""

from __future__ import annotations

import dataclasses
import inspect
import re
import textwrap
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from crnn import OCR, Recognizer
from crnn.core.errors import UserError
from crnn.core.reading import CharReading, Reading
from crnn.documents.paragraphs import Paragraph
from crnn.documents.result import Page, Result
from crnn.finder.boxes import LineBox
from crnn.page import LineReading
from serve.base.config import ServeConfig
from serve.routes.openapi import TAGS, describe

PAGE = Path(__file__).parent / "api.md"
CLASSES = (OCR, Result, Page, LineReading, LineBox, Paragraph, CharReading, Recognizer, Reading, UserError)
SECTIONS = ("Args", "Attributes", "Returns", "Raises")
METHODS = ("get", "post", "delete")
NONE = "–"

INTRODUCTION = """\
# API

Here you can look up every public class of the Python library and every route of the server. For examples see
[usage.md](usage.md) and [server.md](server.md). `docs/make_api.py` makes this page from the docstrings and from the
server's OpenAPI description.

"""


def current() -> str:
    """What docs/api.md should hold."""
    return INTRODUCTION + "".join([*_python(), *_http()])


# ---- Python ----------------------------------------------------------------------------------------------


def _python() -> Iterator[str]:
    yield "## Python\n\n`from crnn import OCR, Recognizer`. The other classes are what these give back.\n\n"
    for each in CLASSES:
        yield f"### {each.__name__}\n\n`{each.__module__}.{each.__name__}`\n\n"
        if each in (OCR, Recognizer):
            yield _signature(each.__name__, inspect.signature(each))
        yield _prose(inspect.getdoc(each) or "", _types(each))
        for name, member in vars(each).items():
            if name != "__call__" and (name.startswith("_") or not inspect.getdoc(member)):
                continue
            if isinstance(member, property | cached_property):
                getter = member.fget if isinstance(member, property) else member.func
                kind = _type(inspect.signature(getter).return_annotation)  # type: ignore[arg-type]
                yield f"#### {each.__name__}.{name}\n\n{kind}. " + _prose(inspect.getdoc(member) or "")
            elif inspect.isfunction(member):
                shown = "" if name == "__call__" else f".{name}"
                yield f"#### {each.__name__}{shown}()\n\n"
                yield _signature(each.__name__.lower() + shown, inspect.signature(member))
                yield _prose(inspect.getdoc(member) or "")


def _signature(name: str, signature: inspect.Signature) -> str:
    """A call with its defaults, and what it returns, as a block of code."""
    plain = []
    for each in signature.parameters.values():
        default = _Named(each.default.__name__) if inspect.isfunction(each.default) else each.default
        if each.name != "self":
            plain.append(each.replace(annotation=inspect.Parameter.empty, default=default))
    shown = signature.replace(parameters=plain, return_annotation=inspect.Signature.empty)
    returned = signature.return_annotation
    arrow = f" -> {returned}" if returned not in (inspect.Signature.empty, "None", "Any", None) else ""
    call = textwrap.fill(f"{name}{shown}{arrow}", 86, subsequent_indent="    ", break_on_hyphens=False)
    return f"```python\n{call}\n```\n\n"


class _Named(str):
    """A default that is shown by its name."""

    __repr__ = str.__str__


def _types(each: type) -> dict[str, str]:
    if not dataclasses.is_dataclass(each):
        return {}
    return {field.name: _type(field.type) for field in dataclasses.fields(each)}


def _type(annotation: object) -> str:
    return f"`{annotation if isinstance(annotation, str) else getattr(annotation, '__name__', annotation)}`"


def _prose(doc: str, types: dict[str, str] | None = None) -> str:
    """A docstring in Markdown: its sections become lists."""
    parts = re.split(rf"^({'|'.join(SECTIONS)}):\n", doc, flags=re.MULTILINE)
    text = parts[0].strip() + "\n\n"
    for title, body in zip(parts[1::2], parts[2::2], strict=True):
        entries = re.split(r"\n(?! )", textwrap.dedent(body).strip())
        text += f"**{title}**\n\n" + "".join(_entry(entry, types or {}) for entry in entries) + "\n"
    return text


def _entry(entry: str, types: dict[str, str]) -> str:
    names, colon, meaning = " ".join(entry.split()).partition(": ")
    if not colon:
        return f"* {names}\n"
    kinds = ", ".join(dict.fromkeys(types[name] for name in names.split(", ") if name in types))
    shown = ", ".join(f"`{name}`" for name in names.split(", "))
    return f"* {shown}{f' ({kinds})' if kinds else ''}: {meaning}\n"


# ---- HTTP ------------------------------------------------------------------------------------------------


def _http() -> Iterator[str]:
    described = describe(ServeConfig())
    yield "## HTTP\n\nLimits are those of the default [settings](server.md#settings).\n\n"
    meanings: dict[str, set[str]] = {}
    for tag, about in TAGS.items():
        yield f"### Routes: {tag}\n\n{about}\n\n"
        yield "| route | what it does | send | query | answer | errors |\n| --- | --- | --- | --- | --- | --- |\n"
        for path, methods in described["paths"].items():
            for method in METHODS:
                if method in methods and tag in methods[method]["tags"]:
                    yield _route(method, path, methods[method])
                    for status, answer in methods[method]["responses"].items():
                        meanings.setdefault(status, set()).add(answer["description"])
        yield "\n"
    yield "### Statuses\n\n| status | meaning |\n| --- | --- |\n"
    for status, texts in sorted(meanings.items()):
        yield f"| {status} | {_cell('; or: '.join(sorted(texts)))} |\n"
    schemas = described["components"]["schemas"]
    options = schemas.pop("Options")
    yield "\n### Options\n\n" + _fields(options)
    for name, schema in schemas.items():
        yield f"### {name} ({_sort(name)})\n\n"
        if "properties" not in schema:
            yield f"{_kind(schema)}{': ' + schema['description'] if 'description' in schema else ''}\n\n"
            continue
        own = {field: each for field, each in schema["properties"].items() if field not in options["properties"]}
        yield _fields({**schema, "properties": own} if _sort(name) == "form" else schema)
        if len(own) < len(schema["properties"]) and _sort(name) == "form":
            left_out = ", ".join(f"`{field}`" for field in schema["properties"] if field not in own)
            yield f"And these [options](#options), each as a field: {left_out}.\n\n"


def _sort(name: str) -> str:
    return "form" if name.endswith("Form") else "JSON"


def _route(method: str, path: str, operation: dict[str, Any]) -> str:
    bodies = operation.get("requestBody", {}).get("content", {})
    sent = " or ".join(dict.fromkeys(_body(kind, body) for kind, body in bodies.items())) or NONE
    query = ", ".join(f"`{each['name']}`" for each in operation.get("parameters", []) if each["in"] == "query")
    codes = operation["responses"]
    good = [status for status in codes if status < "400"]
    answer = " or ".join(f"{status} {_kind(_json(codes[status]))}".strip() for status in good)
    bad = ", ".join(sorted(status for status in codes if status >= "400")) or NONE
    cells = [f"`{method.upper()} {path}`", operation["summary"], sent, query or NONE, answer, bad]
    return f"| {' | '.join(map(_cell, cells))} |\n"


def _body(kind: str, body: dict[str, Any]) -> str:
    if kind == "application/json":
        return f"JSON {_kind(body['schema'])}"
    return f"form {_kind(body['schema'])}" if kind.startswith("multipart") else "the file itself"


def _json(answer: dict[str, Any]) -> dict[str, Any]:
    return answer["content"].get("application/json", {}).get("schema", {"type": "text"})


def _fields(schema: dict[str, Any]) -> str:
    required = schema.get("required", [])
    rows = ["| field | type | required | meaning |", "| --- | --- | --- | --- |"]
    for name, each in schema["properties"].items():
        default = f"default `{_literal(each['default'])}`" if "default" in each else ""
        meaning = "; ".join(filter(None, [each.get("description", ""), default]))
        rows.append(f"| `{name}` | {_cell(_kind(each))} | {'yes' if name in required else ''} | {_cell(meaning)} |")
    return "\n".join(rows) + "\n\n"


def _kind(schema: dict[str, Any]) -> str:
    """A JSON Schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return "[options](#options)" if name == "Options" else f"[{name}](#{name.lower()}-{_sort(name).lower()})"
    if "anyOf" in schema:
        return " or ".join(map(_kind, schema["anyOf"]))
    if "const" in schema:
        return f"`{_literal(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{_literal(value)}`" for value in schema["enum"])
    kind = schema.get("type", "any")
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind == "array":
        counts = [str(schema[bound]) for bound in ("minItems", "maxItems") if bound in schema]
        return f"list of {' to '.join(dict.fromkeys(counts))} {_kind(schema['items'])}".replace("of  ", "of ")
    if kind == "object" and "additionalProperties" in schema:
        return f"object of {_kind(schema['additionalProperties'])}" if schema["additionalProperties"] else "object"
    if kind == "object" and "properties" in schema:
        return "object with " + ", ".join(f"`{name}`" for name in schema["properties"])
    if schema.get("format") == "binary":
        return "file"
    bounds = [f"{word} {schema[key]:,}" for key, word in BOUNDS.items() if key in schema]
    return ", ".join([kind, *bounds])


BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "maxLength": "length at most",
}


def _literal(value: object) -> str:
    return '""' if value == "" else str(value).lower() if isinstance(value, bool) else str(value)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(current(), encoding="utf-8")
