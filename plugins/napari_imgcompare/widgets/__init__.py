"""The Qt side: shows controls, passes signals, decides nothing."""
