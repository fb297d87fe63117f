"""The dependency audit fails only for findings, and never passes silently if it could not check."""

import json

import pytest

from scripts.audit import report

WELL = {"name": "tidy", "version": "1.0", "vulns": []}
WEAK = {"name": "django", "version": "5.2.0", "vulns": [{"id": "CVE-2025-1", "fix_versions": ["5.2.1"]}]}
UNKNOWN = {"name": "torch", "skip_reason": "Dependency not found on PyPI and could not be audited"}
OURS = {"name": "lesion-turing", "skip_reason": "distribution marked as editable"}


@pytest.mark.parametrize(
    ("packages", "status", "said"),
    [
        ([WELL, OURS], 0, "1 packages audited, 0 with"),
        ([WELL, UNKNOWN], 0, "Not audited: torch."),
        ([WELL, WEAK, UNKNOWN], 1, "django 5.2.0: CVE-2025-1, mended in 5.2.1"),
        ([UNKNOWN, OURS], 0, "NOT AUDITED"),
    ],
)
def test_findings_decide(capsys, packages, status, said):
    assert report(json.dumps({"dependencies": packages}), "") == status
    assert said in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("errors", "status"),
    [("requests.exceptions.ConnectionError: pypi.org", 0), ("SyntaxError: pip-audit is broken", 1)],
)
def test_only_a_service_out_of_reach_excuses_an_audit_that_did_not_finish(capsys, errors, status):
    assert report("", errors) == status
    assert errors in capsys.readouterr().err
