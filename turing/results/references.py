"""The literature that methods paragraphs cite, and the numbers that a paragraph gives it."""

import re

# The keys are those of `references.bib`. A paragraph cites [@gallas2006] or [@gallas2006,@gallas2007].
REFERENCES = {
    "gallas2006": "Gallas BD. One-shot estimate of MRMC variance: AUC. Acad Radiol 2006;13:353-362.",
    "gallas2007": "Gallas BD, Pennello GA, Myers KJ. Multireader multicase variance analysis for binary data. J Opt "
    "Soc Am A 2007;24:B70-B80.",
    "gallas2009": "Gallas BD, Bandos A, Samuelson FW, Wagner RF. A framework for random-effects ROC analysis: biases "
    "with the bootstrap and other variance estimators. Commun Stat Theory Methods 2009;38:2586-2603.",
    "graybill1980": "Graybill FA, Wang CM. Confidence intervals on nonnegative linear combinations of variances. J Am "
    "Stat Assoc 1980;75:869-873.",
    "hillis2007": "Hillis SL. A comparison of denominator degrees of freedom methods for multiple observer ROC "
    "analysis. Stat Med 2007;26:596-619.",
    "hautus1995": "Hautus MJ. Corrections for extreme proportions and their biasing effects on estimated values of "
    "d'. Behav Res Methods Instrum Comput 1995;27:46-51.",
    "schuirmann1987": "Schuirmann DJ. A comparison of the two one-sided tests procedure and the power approach for "
    "assessing the equivalence of average bioavailability. J Pharmacokinet Biopharm 1987;15:657-680.",
    "krippendorff2019": "Krippendorff K. Content analysis: an introduction to its methodology. 4th ed. Sage; 2019.",
    "gwet2008": "Gwet KL. Computing inter-rater reliability and its variance in the presence of high agreement. Br J "
    "Math Stat Psychol 2008;61:29-48.",
    "holm1979": "Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat 1979;6:65-70.",
    "zhou2019": "Zhou S, Gordon M, Krishna R, et al. HYPE: a benchmark for human eye perceptual evaluation of "
    "generative models. Adv Neural Inf Process Syst 2019;32.",
    "kontsevich1999": "Kontsevich LL, Tyler CW. Bayesian adaptive estimation of psychometric slope and threshold. "
    "Vision Res 1999;39:2729-2737.",
    "owen1988": "Owen AB. Empirical likelihood ratio confidence intervals for a single functional. Biometrika "
    "1988;75:237-249.",
    "decarlo1998": "DeCarlo LT. Signal detection theory and generalized linear models. Psychol Methods 1998;3:186-205.",
    "lan1983": "Lan KKG, DeMets DL. Discrete sequential boundaries for clinical trials. Biometrika 1983;70:659-663.",
    "jennison1989": "Jennison C, Turnbull BW. Interim analyses: the repeated confidence interval approach. J R Stat "
    "Soc B 1989;51:305-361.",
    "owen2007": "Owen AB. The pigeonhole bootstrap. Ann Appl Stat 2007;1:386-411.",
    "zou2008": "Zou GY, Donner A. Construction of confidence limits about effect measures: a general approach. Stat "
    "Med 2008;27:1693-1702.",
    "macmillan2005": "Macmillan NA, Creelman CD. Detection theory: a user's guide. 2nd ed. Lawrence Erlbaum; 2005.",
}
_KEY = rf"@(?:{'|'.join(REFERENCES)})"
_CITATION = re.compile(rf"\[({_KEY}(?:,{_KEY})*)\]")


def numbered(text: str) -> tuple[str, list[str]]:
    """The text with numbers for keys, in the order of their first citation, and the references in that order.

    Neighbours are joined, as in [1-3].
    """
    cited: dict[str, int] = {}

    def numbers(citation: re.Match[str]) -> str:
        keys = citation[1].replace("@", "").split(",")
        return f"[{_joined(sorted(cited.setdefault(key, len(cited) + 1) for key in keys))}]"

    text = _CITATION.sub(numbers, text)
    return text, [REFERENCES[key] for key in cited]


def _joined(numbers: list[int]) -> str:
    """`1-3,5` for 1, 2, 3 and 5. Two neighbours stand apart, as in 1,2."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs)
