"""The fast engine: the same answers as ``forensics.detect.reference``, tens of thousands of events a second."""
