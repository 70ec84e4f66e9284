"""Adobe IMS: requests for tokens, their answers and errors, and which endpoints may be asked."""
