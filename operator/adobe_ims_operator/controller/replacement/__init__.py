"""The controller of AdobeIMSClientSecrets: it replaces the client secrets that tokens are asked for with."""
