"""What only measures, apart from the lab itself: `python -m benchmarks`, in a checkout."""
