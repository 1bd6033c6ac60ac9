"""Inputs of any kind for what reads them: a target is a name, a generator and the promises that must hold."""
