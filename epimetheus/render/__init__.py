"""Turns events into syslog messages: header, format, redaction, size limit. `epimetheus.render.renderer` is its interface."""
