"""The animatic engine: draws a shot as a moving storyboard, the preview that studios make, with numpy and OpenCV."""
