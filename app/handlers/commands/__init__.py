"""Commands in comments: understood, allowed, carried out once."""
