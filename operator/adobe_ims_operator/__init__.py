"""A Kubernetes operator that keeps a fresh Adobe IMS access token in a Secret.

The flow is in the file names: `watch` and `secret_watch` see what changed, `schedule` says whose turn it is,
`policy` decides, `ims` fetches, `token_secret` and `status` write, and `reconcile` leads from one to the next.
"""
