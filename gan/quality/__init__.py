"""How good samples are: `extractors` see, `metrics` compare features, `held_out` judges samples by held-out lesions."""
