"""The artifact that LabelBalance leaves."""

from tfx.types import artifact

FILE_NAME = "label_balance.json"  # its content: components.label_balance.balance


class LabelBalance(artifact.Artifact):
    """The balance of the labels of one Examples artifact, or of a window of them, in `label_balance.json`."""

    TYPE_NAME = "LabelBalance"
