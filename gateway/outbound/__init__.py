"""The way out: claim, compose, sign, send, record. One task per channel, so that none ever waits for another."""
