"""What a person may write: the typed recipe, strict YAML, overrides. No torch here."""
