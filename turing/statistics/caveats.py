"""What the sentences about results must recognise of an analysis to say what speaks against a claim."""

FEW_READERS, FEW_IMAGES = 5, 20  # below these, intervals were not validated
NOT_POSITIVE = "the variance estimate was not positive"  # how such a warning begins, after the figure's name
