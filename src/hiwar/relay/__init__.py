"""The port between stages, backstage, edges, archive and web, and its adapters."""
