"""How good samples are: `extractors` compute features, `metrics` compare them, `held_out` compares samples with
held-out lesions, `patches` compares without any network.
"""
