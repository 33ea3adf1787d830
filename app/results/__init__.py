"""What a job measured: files kept as they are, and the measurements read from them."""
