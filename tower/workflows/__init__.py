"""ComfyUI graphs as data: the shipped ones and the user's, what may be set in them, and which servers can run them."""
