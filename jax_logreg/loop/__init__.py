"""The loop over steps: one body, and the host that drives it."""
