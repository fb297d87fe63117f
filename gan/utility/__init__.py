"""Are generated images useful? Classifiers of the diagnoses are trained on real images, on generated ones and on both,
and judged on lesions that neither they nor the generator saw."""
