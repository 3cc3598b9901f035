"""What every process needs around its work: settings, secrets, logging, metrics, clock, supervision."""
