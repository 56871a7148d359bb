"""Executing a plan: a supervisor that never imports torch, and worker processes that do the computing."""
