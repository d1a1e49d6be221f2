"""The three demonstrations, at a speaker's pace, and what each control plane made of them."""
