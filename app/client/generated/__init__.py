"""The API in types.

Written by scripts/write_client.py from the declarations of the API: change those, and run `make format`.
"""
