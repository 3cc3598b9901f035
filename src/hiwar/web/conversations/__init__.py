"""Conversations from their announcement to their replay, at one address for life."""
