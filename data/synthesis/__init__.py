"""Draws labeled text lines: text (`text`), glyphs (`faces`, `typeset`), paper (`paper`), damage (`degrade`), all of it
put together in `sample`."""
