"""Events to syslog messages: formats, headers, sizes, redaction."""

from epimetheus.render.renderer import FORMATS, HEADERS, MIN_BYTES, Item, Rendered, Renderer

__all__ = ["FORMATS", "HEADERS", "MIN_BYTES", "Item", "Rendered", "Renderer"]
