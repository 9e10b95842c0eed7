"""The animatic engine: a shot as studios cut it before they animate, drawn with numpy and OpenCV."""
