"""The four vocabularies of customer integrations: provider, status, health and policy result."""

from __future__ import annotations

from enum import StrEnum


class CusProviderType(StrEnum):
    """Name the provider that an integration calls.

    `custom` is any endpoint that the tenant runs itself; it is the only one that may do
    without a credential reference.
    """

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    AZURE_OPENAI = "azure_openai"
    BEDROCK = "bedrock"
    CUSTOM = "custom"
    GOOGLE = "google"
    MISTRAL = "mistral"


class CusIntegrationStatus(StrEnum):
    """Say where an integration stands in its lifecycle.

    created -> enabled <-> disabled. An enabled integration goes to `error` when its credential
    is found bad, and from there back to `enabled` only after a passed credential test.
    Enabling from `created` or `disabled` changes the state alone and calls nobody. A deleted
    integration has no status of its own: it is a tombstone whose history stays in the sums.
    """

    CREATED = "created"
    ENABLED = "enabled"
    DISABLED = "disabled"
    ERROR = "error"


class CusHealthState(StrEnum):
    """Say what the last health check of an integration found; `unknown` until there was one.

    Health describes the provider's answers, status the tenant's decision: a failing
    integration stays enabled, and any state may follow any other.
    """

    UNKNOWN = "unknown"
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    FAILING = "failing"


class CusPolicyResult(StrEnum):
    """Say what the policies made of one call; it is set once, when the call is recorded.

    A `warned` call went through. A `blocked` one did not: its record has no tokens and no cost.
    """

    ALLOWED = "allowed"
    WARNED = "warned"
    BLOCKED = "blocked"
