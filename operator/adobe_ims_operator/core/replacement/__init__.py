"""The client secret of an AdobeIMSClientSecret, replaced: what is known of it, and what to do next."""
