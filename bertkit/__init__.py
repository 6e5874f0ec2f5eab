"""bertkit fine-tunes, scores and uses BERT-type encoders."""
