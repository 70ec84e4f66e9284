"""What tests, the demo, the benchmarks and `make cluster` stand on: a real control plane and its client."""
