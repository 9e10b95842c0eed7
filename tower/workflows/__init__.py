"""ComfyUI graphs as data: built-in and user workflows, their settable inputs, and checks against a server."""
