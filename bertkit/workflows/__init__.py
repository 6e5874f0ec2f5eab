"""One verb each, start to end, readable as a script. This is the Python API."""
