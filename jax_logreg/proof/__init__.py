"""Proofs of an answer: gradients, duality gap, separation, collinearity."""
