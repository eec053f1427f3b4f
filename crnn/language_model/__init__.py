"""Character n-grams: counted, stored and asked for the chance of a text."""
