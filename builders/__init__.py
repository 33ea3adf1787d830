"""The lab machine: one thin agent that fetches, builds and runs jobs on the boards plugged into it."""
