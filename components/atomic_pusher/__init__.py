"""The Pusher: a version folder appears whole or not at all."""
