"""From scores to what can be said of them; no torch, no pictures. Public: see ``__init__.pyi``."""

from dfbench.lazy import public

__all__, __getattr__, __dir__ = public(__name__)
