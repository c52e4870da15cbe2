"""simulator makes worlds: a scenario becomes cohorts with both potential outcomes. It knows nothing of estimators."""
