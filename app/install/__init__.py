"""Put the agent on a lab machine over SSH, upgrade it, take it away again."""
