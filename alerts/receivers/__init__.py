"""The ways in which people are told, one folder each; `registry` knows them all."""
