"""The engine that has a ComfyUI server draw the shot."""

from tower.engines.comfyui.engine import ComfyUIEngine

__all__ = ["ComfyUIEngine"]
