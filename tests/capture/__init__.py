"""Tests of the library a programmer imports."""
