"""An instance: Rigline below a folder of its own. Standard library alone, as it runs before anything is installed."""
