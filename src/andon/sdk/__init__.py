"""What an application imports to report its LLM calls to Andon."""

from andon.sdk.client import Client, Recorded
from andon.sdk.failures import ReportFailed, ServerUnavailable, UsageRefused
from andon.sdk.retries import Retries

__all__ = ["Client", "Recorded", "ReportFailed", "Retries", "ServerUnavailable", "UsageRefused"]
