"""Files, folders, URLs, packages and Hub data sets to `Rows`: a module a format, told by content."""
