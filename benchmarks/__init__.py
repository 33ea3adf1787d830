"""What the service costs: real processes, real HTTP from this second process, the kernel's own accounting."""
