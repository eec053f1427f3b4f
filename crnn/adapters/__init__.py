"""What other programs' interfaces want of this package, each as the extra of its name."""
