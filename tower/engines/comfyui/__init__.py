"""The render engine that draws shots on a ComfyUI server."""
