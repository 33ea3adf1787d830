"""The whole of Rigline as its users run it: real processes, real servers, real git."""
