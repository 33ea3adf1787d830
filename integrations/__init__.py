"""The forges: what a delivery says in our words, and what we say to a forge. A leaf: imports nothing of the service."""
