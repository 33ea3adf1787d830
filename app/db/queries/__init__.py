"""SQL by table. Functions take a connection or session first and never commit."""
