"""Who signs, and how what is signed is verified: a key, or the identity of a workflow (keyless)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from release import tools

SBOM = "cyclonedx"
PROVENANCE = "slsaprovenance1"


@dataclass(frozen=True, slots=True)
class Key:
    """A key pair in two files. Nothing about its signatures goes to a public log."""

    private: Path
    password: str = ""

    @classmethod
    def make(cls, folder: Path, password: str) -> "Key":
        """Make a new pair in `folder`. Raises ToolError."""
        tools.cosign("generate-key-pair", f"--output-key-prefix={folder / 'release'}", password=password)
        return cls(folder / "release.key", password)

    @property
    def public(self) -> Path:
        """Return the file of the public key."""
        return self.private.with_suffix(".pub")

    @property
    def flags(self) -> Sequence[str]:
        """Return what cosign is told of it."""
        return (f"--key={self.private}", "--use-signing-config=false", "--tlog-upload=false")


@dataclass(frozen=True, slots=True)
class Keyless:
    """The identity of the workflow that runs, by its token; its signatures are in Sigstore's public log."""

    password: str | None = None
    flags: Sequence[str] = ()


Signer = Key | Keyless


def sign(reference: str, signer: Signer) -> None:
    """Sign what a reference by digest names, and all that it is an index of. Raises ToolError."""
    tools.cosign("sign", "--yes", "--recursive", *signer.flags, reference, password=signer.password)


def attest(reference: str, kind: str, predicate: Path, signer: Signer) -> None:
    """Attach a signed statement about what a reference by digest names. Raises ToolError."""
    said = (f"--type={kind}", f"--predicate={predicate}")
    tools.cosign("attest", "--yes", *signer.flags, *said, reference, password=signer.password)


def sign_file(path: Path, signer: Signer) -> Path:
    """Write the signature of a file beside it, and return where that is. Raises ToolError."""
    bundle = path.with_name(f"{path.name}.sigstore.json")
    tools.cosign("sign-blob", "--yes", *signer.flags, f"--bundle={bundle}", str(path), password=signer.password)
    return bundle


def verify_file(path: Path, bundle: Path, public: Path) -> None:
    """Verify such a signature. Raises ToolError."""
    flags = (f"--key={public}", "--insecure-ignore-tlog=true", f"--bundle={bundle}")
    tools.cosign("verify-blob", *flags, str(path))


def verify(reference: str, public: Path) -> None:
    """Verify a signature as who has nothing but the public key. Raises ToolError."""
    tools.cosign("verify", f"--key={public}", "--insecure-ignore-tlog=true", reference)


def verify_attestation(reference: str, kind: str, public: Path) -> str:
    """Verify a statement likewise, and return its envelope. Raises ToolError."""
    flags = (f"--key={public}", "--insecure-ignore-tlog=true", f"--type={kind}")
    return tools.cosign("verify-attestation", *flags, reference)
