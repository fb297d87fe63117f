"""How to cite the archive, and the references of all methods paragraphs as BibTeX."""

import json
from datetime import date
from typing import Any

from turing.models import Study
from turing.version import name_and_version, project

AUTHOR = "AUTHOR"  # marks what only a person can write
KEYWORDS = (
    "visual Turing test", "synthetic medical images", "dermoscopy", "reader study", "multi-reader multi-case analysis",
)  # fmt: skip

# In the order of `references.REFERENCES`, with the same keys.
BIBTEX = r"""@article{gallas2006,
  author = {Gallas, Brandon D.},
  title = {One-shot estimate of {MRMC} variance: {AUC}},
  journal = {Academic Radiology}, year = {2006}, volume = {13}, pages = {353--362}
}

@article{gallas2007,
  author = {Gallas, Brandon D. and Pennello, Gene A. and Myers, Kyle J.},
  title = {Multireader multicase variance analysis for binary data},
  journal = {Journal of the Optical Society of America A}, year = {2007}, volume = {24}, pages = {B70--B80}
}

@article{gallas2009,
  author = {Gallas, Brandon D. and Bandos, Andriy and Samuelson, Frank W. and Wagner, Robert F.},
  title = {A framework for random-effects {ROC} analysis: biases with the bootstrap and other variance estimators},
  journal = {Communications in Statistics -- Theory and Methods}, year = {2009}, volume = {38}, pages = {2586--2603}
}

@article{graybill1980,
  author = {Graybill, Franklin A. and Wang, Chih-Ming},
  title = {Confidence intervals on nonnegative linear combinations of variances},
  journal = {Journal of the American Statistical Association}, year = {1980}, volume = {75}, pages = {869--873}
}

@article{hillis2007,
  author = {Hillis, Stephen L.},
  title = {A comparison of denominator degrees of freedom methods for multiple observer {ROC} analysis},
  journal = {Statistics in Medicine}, year = {2007}, volume = {26}, pages = {596--619}
}

@article{hautus1995,
  author = {Hautus, Michael J.},
  title = {Corrections for extreme proportions and their biasing effects on estimated values of $d'$},
  journal = {Behavior Research Methods, Instruments, \& Computers}, year = {1995}, volume = {27}, pages = {46--51}
}

@article{schuirmann1987,
  author = {Schuirmann, Donald J.},
  title = {A comparison of the two one-sided tests procedure and the power approach for assessing the equivalence of
    average bioavailability},
  journal = {Journal of Pharmacokinetics and Biopharmaceutics}, year = {1987}, volume = {15}, pages = {657--680}
}

@book{krippendorff2019,
  author = {Krippendorff, Klaus},
  title = {Content analysis: an introduction to its methodology},
  edition = {4}, publisher = {Sage}, year = {2019}
}

@article{gwet2008,
  author = {Gwet, Kilem Li},
  title = {Computing inter-rater reliability and its variance in the presence of high agreement},
  journal = {British Journal of Mathematical and Statistical Psychology}, year = {2008}, volume = {61},
  pages = {29--48}
}

@article{holm1979,
  author = {Holm, Sture},
  title = {A simple sequentially rejective multiple test procedure},
  journal = {Scandinavian Journal of Statistics}, year = {1979}, volume = {6}, pages = {65--70}
}

@inproceedings{zhou2019,
  author = {Zhou, Sharon and Gordon, Mitchell and Krishna, Ranjay and others},
  title = {{HYPE}: a benchmark for human eye perceptual evaluation of generative models},
  booktitle = {Advances in Neural Information Processing Systems}, year = {2019}, volume = {32}
}

@article{kontsevich1999,
  author = {Kontsevich, Leonid L. and Tyler, Christopher W.},
  title = {Bayesian adaptive estimation of psychometric slope and threshold},
  journal = {Vision Research}, year = {1999}, volume = {39}, pages = {2729--2737}
}

@article{owen1988,
  author = {Owen, Art B.},
  title = {Empirical likelihood ratio confidence intervals for a single functional},
  journal = {Biometrika}, year = {1988}, volume = {75}, pages = {237--249}
}

@article{decarlo1998,
  author = {DeCarlo, Lawrence T.},
  title = {Signal detection theory and generalized linear models},
  journal = {Psychological Methods}, year = {1998}, volume = {3}, pages = {186--205}
}

@article{lan1983,
  author = {Lan, K. K. Gordon and DeMets, David L.},
  title = {Discrete sequential boundaries for clinical trials},
  journal = {Biometrika}, year = {1983}, volume = {70}, pages = {659--663}
}

@article{jennison1989,
  author = {Jennison, Christopher and Turnbull, Bruce W.},
  title = {Interim analyses: the repeated confidence interval approach},
  journal = {Journal of the Royal Statistical Society, Series B}, year = {1989}, volume = {51}, pages = {305--361}
}

@article{owen2007,
  author = {Owen, Art B.},
  title = {The pigeonhole bootstrap},
  journal = {The Annals of Applied Statistics}, year = {2007}, volume = {1}, pages = {386--411}
}

@article{zou2008,
  author = {Zou, Guang Yong and Donner, Allan},
  title = {Construction of confidence limits about effect measures: a general approach},
  journal = {Statistics in Medicine}, year = {2008}, volume = {27}, pages = {1693--1702}
}

@book{macmillan2005,
  author = {Macmillan, Neil A. and Creelman, C. Douglas},
  title = {Detection theory: a user's guide},
  edition = {2}, publisher = {Lawrence Erlbaum}, year = {2005}
}
"""


def names_of(study: Study) -> list[str]:
    """The authors as the owner wrote them for the public page; empty if there are none."""
    return [name for part in study.cited_authors.split(";") if (name := part.strip())]


def citation_cff(study: Study, released: date, address: str = "") -> bytes:
    """CITATION.cff 1.2.0. Its values are JSON, which YAML can read too, so no title can break the file.

    `address` is that of the public page, if there is one.
    """
    values: dict[str, Any] = {
        "cff-version": "1.2.0",
        "type": "dataset",
        "message": "If you use these data, please cite them as below.",
        "title": study.title,
        "authors": _authors(study),
        **({"url": address} if address else {}),
        "date-released": released.isoformat(),
        "abstract": _abstract(study),
        "keywords": list(KEYWORDS),
        "identifiers": [
            {"type": "other", "value": f"sha256:{study.design_hash}", "description": "Hash of the frozen design"}
        ],
    }
    return "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items()).encode()


def zenodo_json(study: Study) -> bytes:
    """.zenodo.json without a licence, because only the authors can choose one."""
    values = {
        "title": study.title,
        "upload_type": "dataset",
        "description": f"<p>{_abstract(study)}</p>",
        "creators": _authors(study),
        "keywords": list(KEYWORDS),
        "notes": f"Design hash (SHA-256) {study.design_hash}. Made by {name_and_version()}.",
    }
    return (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode()


def _authors(study: Study) -> list[dict[str, str]]:
    return [{"name": name} for name in names_of(study)] or [{"name": f"{AUTHOR}: write the authors here"}]


def _abstract(study: Study) -> str:
    return (
        (
            "Data, design and analysis of a blinded reader study, in which clinicians judged images of skin lesions "
            f"({', '.join(study.diagnoses)}) as real or generated. Every number can be computed again from the "
            "responses. "
            f"Made by {project()['name']}, version {project()['version']}."
        )
        .replace("<", "")
        .replace(">", "")
    )
