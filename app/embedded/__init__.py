"""A real PostgreSQL and a real Valkey as our children, for the default without any settings.

Nothing here changes a user, a group or a mode of the machine; nothing listens on TCP.
"""
