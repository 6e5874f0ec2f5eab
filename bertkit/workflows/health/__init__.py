"""What `bertkit doctor` looks at: packages, machine, places to write to, Hub, and a training of its own."""
