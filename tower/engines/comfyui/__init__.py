"""The engine that has a ComfyUI server draw the shot."""
