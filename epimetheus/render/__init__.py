"""Turns events into syslog messages: header, format, redaction, size limit."""

from epimetheus.render.renderer import FORMATS, HEADERS, MIN_BYTES, Explanation, Item, Rendered, Renderer

__all__ = ["FORMATS", "HEADERS", "MIN_BYTES", "Explanation", "Item", "Rendered", "Renderer"]
