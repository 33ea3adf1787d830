"""Series over commits: points, robust statistics and the geometry of charts. Pure."""
