"""Plan how the lab comes up, and perform the plan, phase by phase."""
