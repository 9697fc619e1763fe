"""Vega-Lite pictures: what they are, the scripts that draw them on a page, and their files."""
