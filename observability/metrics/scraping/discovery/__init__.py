"""Service discovery: one module for each kind of source, all with a `find`."""
