"""The Evaluator: metrics of every label at once, a constant predictor to beat, and reasons for the verdict."""
