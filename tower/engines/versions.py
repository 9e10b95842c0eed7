"""The version of each engine's code. It goes up whenever the same shot would give another picture: takes are told
apart by it. Here, and not beside the engines, because asking for it should not load their libraries."""

ANIMATIC = "1.0.0"
COMFYUI = "1"
