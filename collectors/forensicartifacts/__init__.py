"""ForensicArtifacts definitions: the data of the distribution ``artifacts``; none of its code runs."""
