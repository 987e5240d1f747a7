"""What has changed since the span before, in numbers and in words, and whether the run goes on."""
