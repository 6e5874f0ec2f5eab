"""BERT-shaped encoders for prediction: without transformers, without padding, in few operations.

Importing the classes of an architecture takes longer than predicting a thousand lines with it. What is read
here is the same folder, and what comes out is the same to rounding; `families` names what is known, and
everything else is left to transformers.
"""
