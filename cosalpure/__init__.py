"""CosalPure: a benchmark of robustness in co-salient object detection (CoSOD)."""

__version__ = "0.1.0"
