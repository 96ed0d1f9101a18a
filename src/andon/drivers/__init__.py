"""SQL, files and everything else that touches the outside; plain rows in and out."""
