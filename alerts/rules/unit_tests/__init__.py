"""Unit tests of rules, in promtool's format and with its output.

A test gives series in short notation, evaluates the rules of files over them in memory, and
compares alerts and expressions with what is expected. No server is needed.

Source: Prometheus 3, cmd/promtool/unittest.go, docs/configuration/unit_testing_rules.md.
"""
