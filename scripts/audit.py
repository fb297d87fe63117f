"""Asks the advisory service whether installed packages have known weaknesses. The exit status is 1 for findings.

It needs the network. If the service cannot be reached, it says so on stderr and ends with 0, so that a build without
network does not fail for it. pip-audit itself reports success if a mirror knows none of the packages.
"""

import json
import subprocess
import sys

UNREACHABLE = ("ConnectionError", "ServiceError", "MaxRetryError", "Max retries", "ProxyError", "timed out")


def report(output: str, errors: str) -> int:
    """Print what pip-audit found, and return the exit status. Its JSON is empty if it could not finish."""
    try:
        packages = json.loads(output)["dependencies"]
    except (ValueError, KeyError):
        print(errors, file=sys.stderr)
        if any(sign in errors for sign in UNREACHABLE):
            print("NOT AUDITED: the advisory service cannot be reached. Run `make audit` elsewhere.", file=sys.stderr)
            return 0
        return 1
    audited = [package for package in packages if "vulns" in package]
    skipped = [
        package["name"] for package in packages if "skip_reason" in package and "editable" not in package["skip_reason"]
    ]
    weak = [package for package in audited if package["vulns"]]
    for package in weak:
        for one in package["vulns"]:
            mended = ", ".join(one["fix_versions"]) or "no version yet"
            print(f"{package['name']} {package['version']}: {one['id']}, mended in {mended}")
    if not audited:
        print("NOT AUDITED: the advisory service here knows no package. Run `make audit` elsewhere.", file=sys.stderr)
        return 0
    if skipped:
        print(f"Not audited: {', '.join(skipped)}.", file=sys.stderr)
    print(f"{len(audited)} packages audited, {len(weak)} with known weaknesses.", file=sys.stderr)
    return 1 if weak else 0


def main() -> int:
    command = [sys.executable, "-m", "pip_audit", "--local", "--skip-editable", "--progress-spinner", "off"]
    done = subprocess.run([*command, "--format", "json", "--timeout", "15"], capture_output=True, text=True)
    return report(done.stdout, done.stderr)


if __name__ == "__main__":
    sys.exit(main())
