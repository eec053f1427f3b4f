"""What is measured: accuracy, calibration, time, and the machine it was measured on."""
