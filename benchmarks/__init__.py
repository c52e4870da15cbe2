"""benchmarks judges: many replicates x estimators against the truth; reports and the command line."""
