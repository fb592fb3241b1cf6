"""Deciding which events are forwarded: duplicates, rules, hourly limits and tamper watch. No I/O."""
