"""What the ledger keeps for open rejections, quotas, contested numbers and decisions."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    pass
