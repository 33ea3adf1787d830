"""What people are told on the forge."""
