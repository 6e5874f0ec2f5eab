"""The layers of BERT-shaped encoders, computed over concatenated tokens with hand-written gradients."""
