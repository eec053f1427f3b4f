"""What every request passes: access log, admission, rate limits."""
