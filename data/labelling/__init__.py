"""Labels lines of pictures nobody has labelled, by what several readers agree on."""
