"""The animatic engine: a shot as studios cut it before they animate, drawn with numpy and OpenCV."""

from tower_animatic.engine import NAME, AnimaticEngine

__all__ = ["NAME", "AnimaticEngine"]
