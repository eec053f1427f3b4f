"""Pages to train the finder of lines with: what stands on them, on what ground, and what a camera makes of them."""
