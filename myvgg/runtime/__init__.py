"""The foundation of all storeys: whole files, the process, a Ray cluster."""
