"""Tests of the real servers and of what starts them."""
