"""Hiwar (حوار): live conversations that stay on air."""
