"""dfbench: numbers about deepfake-video detectors that can be trusted.

The public face; ``__init__.pyi`` lists it. Everything is imported on use, so ``import dfbench`` in
a plugin costs nothing.
"""

from dfbench import moved
from dfbench.lazy import public

__version__ = "0.5.0"
__all__, __getattr__, __dir__ = public(__name__)

moved.install()
