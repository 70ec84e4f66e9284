"""The API server: requests and their errors, Secrets, workloads, Events and the Lease."""
