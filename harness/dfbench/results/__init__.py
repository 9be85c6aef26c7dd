"""What was run and what came out of it, as files. Public: ``__init__.pyi`` lists the names."""

from dfbench.lazy import public

__all__, __getattr__, __dir__ = public(__name__)
