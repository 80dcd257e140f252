"""VERIFY.txt: what a stranger needs, in words and commands."""

from __future__ import annotations

_TEXT = """\
HOW TO VERIFY THIS EVIDENCE BAG
===============================

You need: this folder, Python 3.9 or later, and one thing that did NOT come with
this folder: the fingerprint of the examiner's key, or the seal digest that was
written down when the bag was sealed, or a checkpoint that left the host while it
was collected, or the verifier key of a witness that cosigned one. Without one of
these nobody vouches for the bag: the best verdict is then UNTRUSTED.

The bag says it was sealed by the key

    {fingerprint}

Compare that with what you were given by another way. It is no proof by itself.

1. With the verifier

   The copy verify.py in this folder came with the folder: whoever changed the one
   could change the other. Use your own copy of sealbag, or compare

       sha256sum verify.py

   with the release digest in the documentation of sealbag. Then

       python3 -I verify.py --signer SHA256:... -- BAG

   An exit code without a printed line that begins "verdict:" is no verdict.
   --help lists the other anchors. What it cannot check alone (time tokens, lists of
   revoked keys in OpenSSH's binary form) it names as "not checked"; sealbag does.

2. Without it

   sha256sum -c manifest-sha256.txt            every content is what the manifest says
   sha256sum -c tagmanifest-sha256.txt         ledger, manifest and help are what the seal says
   sha256sum tagmanifest-sha256.txt            is tagmanifest_sha256 in custody/seal.json
   sha256sum custody/seal.json                 is the seal digest

   The signature, with OpenSSH (the fingerprint, then the signature):

       ssh-keygen -l -f custody/keys/signer.pub
       (printf 'examiner '; cut -d' ' -f1,2 custody/keys/signer.pub) > /tmp/allowed
       ssh-keygen -Y verify -f /tmp/allowed -I examiner -n sealbag-seal-v1 \\
           -s custody/seal.json.sig < custody/seal.json

   The digest of one content, with OpenSSL:

       openssl dgst -sha256 data/objects/ab/abcd...      is the file's own name

   bagit.py --validate BAG checks the BagIt layer.

What it proves: that the contents, the ledger and its order are what was sealed by
that key. What it cannot prove: that the host told the truth, that nothing was left
out, or that the clock was right. custody/ledger.jsonl says what was not taken.
"""


def verify_text(fingerprint: str) -> str:
    """Return the text of VERIFY.txt for a bag sealed by the key of *fingerprint*."""
    return _TEXT.format(fingerprint=fingerprint)
