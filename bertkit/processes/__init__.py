"""Several processes as one: where this one stands, what they tell each other, and what when one dies."""
