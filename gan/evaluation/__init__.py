"""How good samples are: `extractors` see, `metrics` compare features, `quality` judges a run by held-out lesions."""
