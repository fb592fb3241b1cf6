"""Builds every component from the settings, and runs every region with them. A command imports only the modules it uses."""
