"""Fonts for synthesis: fetched by package name, checked against the charset, listed in a manifest.

sources.py   the YAML list of packages and the files they give
plain.py     webfonts and their slices into plain TrueType
bitmap.py, hand.py   bitmap fonts, and strokes of characters, into outlines, which truetype.py saves
coverage.py  what a face really draws, and what it calls itself
manifest.py  fonts.json: the faces, and the rule that train and test share no lineage
build.py     the stage; __main__.py its command: `python -m data.fonts profile=quick`
"""
