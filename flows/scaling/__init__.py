"""Who does the work? Spreads a large pass over local processes or Dask workers."""
