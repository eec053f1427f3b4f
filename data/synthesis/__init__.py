"""Draws labeled text lines: text (`text`), glyphs (`faces`, `typeset`), paper (`paper`), damage (`degrade`), all of it
put together in `sample`. Knows nothing of files beyond the fonts and texts it is given, of LMDBs or of Hydra."""
