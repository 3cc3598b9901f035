"""Signed promises: pass, ticket, voucher, claim, resume token. One format, keyed BLAKE2b. Pure."""
