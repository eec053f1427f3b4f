"""Labels lines of pictures nobody has labeled, by what several readers agree on."""
