"""What a report says, a module a subject: values in, blocks of a page out."""
