"""Arguments of a fit, checked and encoded once."""
