"""What a build or run script may use. Standard library only; `rigline_sdk` lies on every script's path."""
