"""What was seen of the cluster, and the watches that fill it. It decides nothing."""
