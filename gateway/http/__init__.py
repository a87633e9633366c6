"""HTTP: metrics and health for machines, the read-only API. Translates and calls; decides nothing about mail."""
