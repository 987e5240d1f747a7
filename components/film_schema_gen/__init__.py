"""The schema of films: a fixed contract, and the genres that the data hold."""
