"""Accounts: registration, log-in, passwords, e-mail addresses, two-factor authentication, erasure."""
