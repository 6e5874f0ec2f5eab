"""The report of a run or an evaluation: one page that needs no network."""
