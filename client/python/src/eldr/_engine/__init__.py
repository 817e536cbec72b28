"""What the parts inside of engines share: their settings, the pushing thread, the node."""
