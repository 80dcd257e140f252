"""Places elsewhere: folders, SFTP, S3, HTTP; where checkpoints and packed bags go."""

from forensics.remote.opening import open_target as open_target
from forensics.remote.target import Probe as Probe
from forensics.remote.target import Target as Target
